import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { linked, within } from '../../src/base/deadline.ts'
import { DeadlineError } from '../../src/base/errors.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import { Late } from '../fakes/late.ts'

const LATE = { kind: 'late', cause: 'The guest was too slow', cure: 'Wait' }
const deaf = () => new Promise<never>(() => undefined)

function listenersOf(signal: AbortSignal): number {
  return getEventListeners(signal, 'abort').length
}

describe('within', () => {
  test('gives what the work gives, and leaves neither timer nor listener', async () => {
    const clock = new FakeClock()
    const { signal } = new AbortController()
    await expect(within(clock, 100, signal, LATE, () => Promise.resolve('done'))).resolves.toBe('done')
    await settle()
    expect([clock.pending, listenersOf(signal)]).toEqual([0, 0])
  })

  test('passes on how the work failed, and leaves neither timer nor listener', async () => {
    const clock = new FakeClock()
    const { signal } = new AbortController()
    const failing = within(clock, 100, signal, LATE, () => Promise.reject(new Error('no')))
    await expect(failing).rejects.toThrow('no')
    await settle()
    expect([clock.pending, listenersOf(signal)]).toEqual([0, 0])
  })

  test('rejects at the deadline even if the work ignores its signal, and leaves no listener on the parent', async () => {
    const clock = new FakeClock()
    const { signal } = new AbortController()
    let seen: AbortSignal | undefined
    const late = within(clock, 100, signal, LATE, (mine) => {
      seen = mine
      return deaf()
    })
    late.catch(() => undefined)
    await clock.advance(99)
    expect(seen?.aborted).toBe(false)
    await clock.advance(1)
    await expect(late).rejects.toThrow(DeadlineError)
    await expect(late).rejects.toThrow('The guest was too slow. Wait')
    expect(seen?.aborted).toBe(true)
    await settle()
    expect([clock.pending, listenersOf(signal)]).toEqual([0, 0])
  })

  test('rejects with the reason of the parent at once, and leaves no timer though the work never ends', async () => {
    const clock = new FakeClock()
    const parent = new AbortController()
    const stopped = within(clock, 100, parent.signal, LATE, deaf)
    parent.abort(new Error('going down'))
    await expect(stopped).rejects.toThrow('going down')
    await settle()
    expect([clock.pending, listenersOf(parent.signal)]).toEqual([0, 0])
  })

  test('does not begin under a parent that has been aborted', async () => {
    const clock = new FakeClock()
    const begun: string[] = []
    const work = within(clock, 100, AbortSignal.abort('over'), LATE, async () => begun.push('work'))
    await expect(work).rejects.toThrow('stopped: over')
    expect([begun, clock.pending]).toEqual([[], 0])
  })

  test('a work that throws at once instead of rejecting leaves nothing behind either', async () => {
    const clock = new FakeClock()
    const { signal } = new AbortController()
    const broken = within(clock, 100, signal, LATE, () => {
      throw new Error('at once')
    })
    await expect(broken).rejects.toThrow('at once')
    await settle()
    expect([clock.pending, listenersOf(signal)]).toEqual([0, 0])
  })
})

describe('linked', () => {
  test('its abort ends this work alone', async () => {
    const parent = new AbortController()
    let end: (reason: Error) => void = () => undefined
    const one = linked(parent.signal, (_, abort) => {
      end = abort
      return deaf()
    })
    const other = new Late<string>()
    const two = linked(parent.signal, () => other.promise)
    end(new Error('enough'))
    await expect(one).rejects.toThrow('enough')
    other.resolve('still here')
    await expect(two).resolves.toBe('still here')
    expect(parent.signal.aborted).toBe(false)
    await settle()
    expect(listenersOf(parent.signal)).toBe(0)
  })

  test('a rejection after the abort is nobody’s surprise', async () => {
    const parent = new AbortController()
    const work = new Late<never>()
    const ended = linked(parent.signal, () => work.promise)
    parent.abort(new Error('first'))
    await expect(ended).rejects.toThrow('first')
    work.reject(new Error('second'))
    await settle()
  })
})
