import { expect, test } from 'vitest'
import { retrying } from '../../src/base/retrying.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { stateOf } from '../fakes/late.ts'
import { RecordingLog } from '../fakes/recording-log.ts'

function setup() {
  const clock = new FakeClock()
  const recording = new RecordingLog()
  return { clock, recording, deps: { clock, random: () => 1, log: recording.log }, stop: new AbortController() }
}

test('tries again with growing pauses until it works, and says each time why', async () => {
  const { clock, recording, deps, stop } = setup()
  const at: number[] = []
  const start = clock.monotonic()
  const result = retrying(deps, 'cannot read', stop.signal, async () => {
    at.push(clock.monotonic() - start)
    if (at.length < 4) throw new Error(`no ${at.length}`)
    return 'at last'
  })
  await clock.advance(10_000)
  await expect(result).resolves.toBe('at last')
  expect(at).toEqual([0, 500, 1500, 3500])
  expect(recording.lines.map(({ msg, err, retry_ms }) => [msg, (err as Error).message, retry_ms])).toEqual([
    ['cannot read, will try again', 'no 1', 500],
    ['cannot read, will try again', 'no 2', 1000],
    ['cannot read, will try again', 'no 3', 2000],
  ])
})

test('an abort ends the pause, and there is no further try', async () => {
  const { clock, deps, stop } = setup()
  let tries = 0
  const result = retrying(deps, 'cannot read', stop.signal, async () => {
    tries++
    throw new Error('no')
  })
  const state = stateOf(result)
  await clock.advance(0)
  stop.abort(new Error('stopping'))
  await expect(result).rejects.toThrow('stopping')
  await clock.advance(60_000)
  expect([tries, state.state, clock.pending]).toEqual([1, 'rejected', 0])
})

test('a failure after the abort is not a reason to try again', async () => {
  const { deps, stop } = setup()
  let tries = 0
  const result = retrying(deps, 'cannot read', stop.signal, async () => {
    tries++
    stop.abort(new Error('stopping'))
    throw new Error('no')
  })
  await expect(result).rejects.toThrow('stopping')
  expect(tries).toBe(1)
})
