import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { abortReason, sleepOn, systemClock } from '../../src/base/clock.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import { stateOf } from '../fakes/late.ts'

test('sleep ends after its time and takes its listener along', async () => {
  const clock = new FakeClock()
  const { signal } = new AbortController()
  const slept = stateOf(sleepOn(clock, 100, signal))
  await clock.advance(99)
  expect(slept.state).toBe('pending')
  await clock.advance(1)
  expect(slept.state).toBe('fulfilled')
  expect(getEventListeners(signal, 'abort')).toHaveLength(0)
})

test('sleep rejects with the reason as soon as it is aborted, and takes its timer along', async () => {
  const clock = new FakeClock()
  const controller = new AbortController()
  const slept = sleepOn(clock, 100, controller.signal)
  expect(clock.pending).toBe(1)
  controller.abort(new Error('woken'))
  await expect(slept).rejects.toThrow('woken')
  expect(clock.pending).toBe(0)
  await expect(sleepOn(clock, 100, controller.signal)).rejects.toThrow('woken')
  expect(clock.pending).toBe(0)
})

test('the reason of an abort is always an error', () => {
  const mine = new Error('mine')
  expect(abortReason(AbortSignal.abort(mine))).toBe(mine)
  expect(abortReason(AbortSignal.abort('word')).message).toBe('stopped: word')
})

test('the system clock fires once, unless the timer is taken back', async () => {
  const fired: string[] = []
  const cancel = systemClock.after(1, () => fired.push('taken back'))
  cancel()
  await new Promise<void>((resolve) => systemClock.after(2, resolve))
  await systemClock.sleep(1, new AbortController().signal)
  await settle()
  expect(fired).toEqual([])
})
