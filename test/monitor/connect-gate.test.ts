import { beforeEach, describe, expect, test } from 'vitest'
import type { ConnectStage } from '../../src/model/guest.ts'
import { ConnectGate } from '../../src/monitor/connect-gate.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import { Late, stateOf } from '../fakes/late.ts'

const { signal } = new AbortController()

let clock: FakeClock
let gate: ConnectGate
let dialled: string[]

beforeEach(() => {
  clock = new FakeClock()
  gate = new ConnectGate(clock, 4)
  dialled = []
})

/** Dials that end when the test says so. */
function dial(name: string, suspect = false, abort = signal) {
  const late = new Late<string>()
  let entered: (stage: ConnectStage) => void = () => undefined
  const result = gate.pass(suspect, abort, (tell) => {
    entered = tell
    dialled.push(name)
    return late.promise
  })
  result.catch(() => undefined)
  return { late, result, enter: (stage: ConnectStage) => entered(stage) }
}

describe('ConnectGate', () => {
  test('dials no more at once than it may; who is done makes room', async () => {
    const dials = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => dial(name))
    await settle()
    expect(dialled).toEqual(['a', 'b', 'c', 'd'])
    dials[1]!.late.resolve('b connected')
    expect(await dials[1]!.result).toBe('b connected')
    await settle()
    expect(dialled).toEqual(['a', 'b', 'c', 'd', 'e'])
    dials[0]!.late.reject(new Error('a refused'))
    await expect(dials[0]!.result).rejects.toThrow('a refused')
    await settle()
    expect(dialled).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
  })

  test('guests that failed before share half of the places: a live one does not wait for dead ones', async () => {
    for (const name of ['x1', 'x2', 'x3', 'x4', 'x5']) dial(name, true)
    await settle()
    expect(dialled).toEqual(['x1', 'x2'])
    dial('live')
    await settle()
    expect(dialled).toEqual(['x1', 'x2', 'live'])
  })

  test('a dial that has come to nothing for 3 s goes on, but gives up its place', async () => {
    const slow = ['a', 'b', 'c', 'd'].map((name) => dial(name))
    const waiting = dial('e')
    await clock.advance(2999)
    expect(dialled).not.toContain('e')
    await clock.advance(1)
    expect(dialled).toContain('e')
    expect(stateOf(slow[0]!.result).state).toBe('pending')
    slow[0]!.late.resolve('late, but there')
    expect(await slow[0]!.result).toBe('late, but there')
    waiting.late.resolve('e')
    await waiting.result
    for (const { late } of slow) late.resolve('x')
    await settle()
    expect(clock.pending).toBe(0)
  })

  test('a handshake keeps its place for as long as it takes: slow guests are not made slower by more of them', async () => {
    const slow = ['a', 'b', 'c', 'd'].map((name) => dial(name))
    dial('e')
    await settle()
    for (const { enter } of slow) enter('handshake')
    await clock.advance(9000)
    expect(dialled).toEqual(['a', 'b', 'c', 'd'])
    // One has logged in and looks for its engine, another is refused.
    slow[0]!.enter('past-handshake')
    await settle()
    expect(dialled).toEqual(['a', 'b', 'c', 'd', 'e'])
    dial('f')
    slow[1]!.late.reject(new Error('refused'))
    await settle()
    expect(dialled.at(-1)).toBe('f')
  })

  test('who is past the handshake within 3 s keeps the place until the connect is done, or for those 3 s', async () => {
    const quick = ['a', 'b', 'c', 'd'].map((name) => dial(name))
    dial('e')
    await settle()
    for (const { enter } of quick) {
      enter('handshake')
      enter('past-handshake')
    }
    await clock.advance(2999)
    expect(dialled).not.toContain('e')
    await clock.advance(1)
    expect(dialled).toContain('e')
  })

  test('a hundred dead guests keep a live one waiting for nobody', async () => {
    for (let i = 0; i < 100; i++) dial(`dead ${i}`, true)
    await clock.advance(10_000)
    const before = dialled.length
    expect(before).toBeLessThanOrEqual(2 * 4 + 2)
    dial('live')
    await settle()
    expect(dialled.at(-1)).toBe('live')
  })

  test.each([true, false])('who aborts in line is not dialled (suspect: %s)', async (suspect) => {
    for (const name of ['a', 'b', 'c', 'd']) dial(name, suspect)
    const controller = new AbortController()
    const quitter = dial('quitter', suspect, controller.signal)
    await settle()
    controller.abort(new Error('gone'))
    await expect(quitter.result).rejects.toThrow('gone')
    await clock.advance(60_000)
    expect(dialled).not.toContain('quitter')
  })

  test('one place is enough for all', async () => {
    gate = new ConnectGate(clock, 1)
    dial('dead', true)
    await settle()
    dial('live')
    await clock.advance(3000)
    expect(dialled).toEqual(['dead', 'live'])
  })

  test('a failure is told once, to its caller', async () => {
    const result = gate.pass(false, signal, () => Promise.reject(new Error('no')))
    await expect(result).rejects.toThrow('no')
    expect(clock.pending).toBe(0)
  })
})
