import { beforeEach, describe, expect, test, vi } from 'vitest'
import { LargeReplies } from '../../src/engine/large-replies.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'

const MB = 1024 * 1024
const NEVER = new AbortController().signal

let clock: FakeClock
let large: LargeReplies
beforeEach(() => {
  clock = new FakeClock()
  large = new LargeReplies(clock)
})

describe('memory', () => {
  test('short replies take no room, however many there are', () => {
    for (let i = 0; i < 5000; i++) expect(large.hold().upTo(64 * 1024)).toBe(true)
    expect(large.hold().upTo(16 * MB)).toBe(true)
  })

  test('long ones share it, and give it back', () => {
    const held = [1, 2, 3, 4].map(() => large.hold())
    for (const each of held) expect(each.upTo(16 * MB)).toBe(true)
    const fifth = large.hold()
    expect(fifth.upTo(MB)).toBe(false)
    expect(fifth.upTo(64 * 1024)).toBe(true)
    held[0]!.release()
    held[0]!.release()
    expect(fifth.upTo(16 * MB)).toBe(true)
    expect(large.hold().upTo(MB)).toBe(false)
  })

  test('a reply that grows counts once', () => {
    const one = large.hold()
    for (let size = MB; size <= 60 * MB; size += MB) expect(one.upTo(size)).toBe(true)
    one.release()
    expect(large.hold().upTo(60 * MB)).toBe(true)
  })
})

describe('time', () => {
  /** Steps that take so long each. */
  function* slow(ms: number, steps = 1): Generator<void, number> {
    for (let step = 1; step < steps; step++) {
      clock.pass(ms)
      yield
    }
    clock.pass(ms)
    return ms
  }

  test('after a reply that took long, the next long one waits, and short ones do not', async () => {
    expect(await large.parse(MB, NEVER, slow(1400))).toBe(1400)
    let done = false
    const next = large.parse(MB, NEVER, slow(1)).then(() => (done = true))
    expect(await large.parse(1000, NEVER, slow(0))).toBe(0)
    // 1,000 ms too many, of which 200 come back in a second; some came back while it was parsed.
    await clock.advance(3000)
    await settle()
    expect(done).toBe(false)
    await clock.advance(3000)
    await next
  })

  test('between the steps of a long one others have their turn, and what they cost together counts', async () => {
    let turns = 0
    const other = setInterval(() => turns++, 0)
    let read: number | undefined
    void large.parse(MB, NEVER, slow(100, 9)).then((ms) => (read = ms))
    await vi.waitFor(() => expect(clock.pending).toBe(1))
    clearInterval(other)
    expect(turns).toBeGreaterThan(0)
    expect(read).toBeUndefined()
    for (let i = 0; i < 20; i++) await clock.advance(1000)
    await vi.waitFor(() => expect(read).toBe(100))
  })

  test('one that throws has cost its time too', async () => {
    function* fails(): Generator<void, never> {
      clock.pass(5000)
      throw new Error('no JSON')
    }
    await expect(large.parse(MB, NEVER, fails())).rejects.toThrow('no JSON')
    const stop = new AbortController()
    const next = large.parse(MB, stop.signal, slow(1))
    await settle()
    stop.abort(new Error('enough'))
    await expect(next).rejects.toThrow('enough')
  })
})
