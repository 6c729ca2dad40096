import { beforeEach, describe, expect, test } from 'vitest'
import { PoolFacts } from '../../src/app/pool-facts.ts'
import type { PoolNetwork } from '../../src/model/pool.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import { RecordingLog } from '../fakes/recording-log.ts'

let clock: FakeClock
let facts: PoolFacts
let reads: number
let changes: number
let network: PoolNetwork
let fault: Error | undefined
let stop: AbortController

function of(addresses: string[], devices: Record<string, string[]> = {}): PoolNetwork {
  return {
    hostAddresses: new Set(addresses),
    hostInternalDevices: new Map(Object.entries(devices).map(([vm, numbers]) => [vm, new Set(numbers)])),
  }
}

beforeEach(() => {
  clock = new FakeClock()
  reads = 0
  changes = 0
  network = of(['10.0.0.1'])
  fault = undefined
  stop = new AbortController()
  facts = new PoolFacts({
    clock,
    random: () => 1,
    log: new RecordingLog().log,
    read: async () => {
      reads++
      if (fault !== undefined) throw fault
      return network
    },
    changed: () => changes++,
  })
})

async function refresh(force = false): Promise<void> {
  facts.refresh(stop.signal, force)
  await settle()
}

describe('PoolFacts', () => {
  test('are not there before they have been read, and then everybody is told', async () => {
    expect(facts.network).toBeUndefined()
    await refresh()
    expect([facts.network, changes]).toEqual([network, 1])
  })

  test('are read once a minute at most, unless it must be', async () => {
    for (let i = 0; i < 100; i++) await refresh()
    expect(reads).toBe(1)
    await refresh(true)
    expect(reads).toBe(2)
    await clock.advance(59_999)
    await refresh()
    expect(reads).toBe(2)
    await clock.advance(1)
    await refresh()
    expect(reads).toBe(3)
  })

  test('nobody is told when nothing has changed, in whatever order it comes', async () => {
    network = of(['10.0.0.1', '10.0.0.2'], { a: ['0', '1'], b: ['2'] })
    await refresh()
    network = of(['10.0.0.2', '10.0.0.1'], { b: ['2'], a: ['1', '0'] })
    await refresh(true)
    expect(changes).toBe(1)
  })

  test.each([
    ['another address', of(['10.0.0.1', '10.0.0.3'])],
    ['an address less', of([])],
    ['another interface', of(['10.0.0.1'], { a: ['0'] })],
  ])('everybody is told of %s', async (_, changed) => {
    await refresh()
    network = changed
    await refresh(true)
    expect([facts.network, changes]).toEqual([changed, 2])
  })

  test('XAPI away: tried again until it works, by one reader; the old facts stay meanwhile', async () => {
    await refresh()
    fault = new Error('away')
    network = of(['10.0.0.9'])
    for (let i = 0; i < 5; i++) await refresh(true)
    expect([reads, facts.network?.hostAddresses.has('10.0.0.1')]).toEqual([2, true])
    fault = undefined
    await clock.advance(1000)
    expect(facts.network).toBe(network)
  })

  test('stopping ends the tries', async () => {
    fault = new Error('away')
    await refresh()
    stop.abort()
    await clock.advance(60_000)
    expect([reads, clock.pending]).toEqual([1, 0])
  })
})
