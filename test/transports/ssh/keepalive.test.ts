import { beforeEach, describe, expect, test } from 'vitest'
import { Keepalive, type Peer } from '../../../src/transports/ssh/keepalive.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'

/** Answers while it is well; each answer is one byte. */
class FakePeer implements Peer {
  heard = 0
  well = true
  readonly pings: number[] = []
  given: number | undefined

  ping(): void {
    this.pings.push(clock.monotonic())
    if (this.well) this.heard++
  }

  silent(): void {
    this.given = clock.monotonic()
    keepalive.remove(this)
  }
}

let clock: FakeClock
let keepalive: Keepalive
let begun: number
beforeEach(() => {
  clock = new FakeClock()
  begun = clock.monotonic()
  keepalive = new Keepalive(clock, 1000)
})
const since = (at: number | undefined) => (at === undefined ? undefined : at - begun)

describe('keepalive', () => {
  test('asks all that were silent together, whenever they came', async () => {
    const [a, b] = [new FakePeer(), new FakePeer()]
    keepalive.add(a)
    await clock.advance(400)
    keepalive.add(b)
    await clock.advance(4700)
    // What was answered was heard of: nothing needs to be asked the next time.
    expect(a.pings.map(since)).toEqual([1000, 3000, 5000])
    expect(b.pings.map(since)).toEqual([1000, 3000, 5000])
  })

  test('gives up one that leaves three questions unanswered, and no other', async () => {
    const [well, dead] = [new FakePeer(), new FakePeer()]
    dead.well = false
    for (const peer of [well, dead]) keepalive.add(peer)
    await clock.advance(20_000)
    expect([dead.pings.length, since(dead.given), well.given]).toEqual([3, 4000, undefined])
  })

  test('many are asked more rarely: one in 50 ms on average', async () => {
    const peers = Array.from({ length: 100 }, () => new FakePeer())
    for (const peer of peers) keepalive.add(peer)
    await clock.advance(1000)
    for (const peer of peers) peer.pings.length = 0
    await clock.advance(20_000)
    expect(peers.flatMap(({ pings }) => pings).length).toBe(200)
  })

  test('anything that comes is a sign of life', async () => {
    const peer = new FakePeer()
    peer.well = false
    keepalive.add(peer)
    for (let i = 0; i < 10; i++) {
      await clock.advance(1900)
      peer.heard++
    }
    expect([peer.given, peer.pings.length]).toEqual([undefined, 10])
  })

  test('one that answers again in time starts anew', async () => {
    const peer = new FakePeer()
    keepalive.add(peer)
    for (let i = 0; i < 5; i++) {
      peer.well = false
      await clock.advance(2000)
      peer.well = true
      await clock.advance(1000)
    }
    expect(peer.given).toBeUndefined()
  })

  test('very many are asked in portions, all of them in every round', async () => {
    keepalive = new Keepalive(clock, 15_000)
    const peers = Array.from({ length: 250 }, () => new FakePeer())
    for (const peer of peers) keepalive.add(peer)
    await clock.advance(15_000)
    expect(peers.filter(({ pings }) => pings.length === 1)).toHaveLength(100)
    await clock.advance(20)
    expect(peers.filter(({ pings }) => pings.length === 1)).toHaveLength(250)
    await clock.advance(60_100)
    expect(peers.every(({ pings }) => pings.length === 3)).toBe(true)
  })

  test('leaves no timer behind when nobody is left, also from within a round', async () => {
    const [a, b] = [new FakePeer(), new FakePeer()]
    for (const peer of [a, b]) peer.well = false
    keepalive.add(a)
    keepalive.add(b)
    await clock.advance(10_000)
    expect([since(a.given), since(b.given), clock.pending]).toEqual([4000, 4000, 0])
    keepalive.add(a)
    keepalive.remove(a)
    expect(clock.pending).toBe(0)
  })
})
