import { expect, test } from 'vitest'
import { LookTurns } from '../../src/monitor/look-turns.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import { Late } from '../fakes/late.ts'

const { signal } = new AbortController()

function world(atOnce: number) {
  const clock = new FakeClock()
  const turns = new LookTurns(clock, atOnce)
  const asked: string[] = []
  const look = (name: string, abort = signal) => {
    const late = new Late<string>()
    const result = turns.pass(abort, () => {
      asked.push(name)
      return late.promise
    })
    result.catch(() => undefined)
    return { late, result }
  }
  return { clock, asked, look }
}

test('so many engines are asked at once; who has answered, or failed, makes room', async () => {
  const { clock, asked, look } = world(2)
  const [a, b] = ['a', 'b', 'c', 'd'].map((name) => look(name))
  await settle()
  expect(asked).toEqual(['a', 'b'])
  a!.late.resolve('list of a')
  expect(await a!.result).toBe('list of a')
  await settle()
  expect(asked).toEqual(['a', 'b', 'c'])
  b!.late.reject(new Error('b is gone'))
  await expect(b!.result).rejects.toThrow('b is gone')
  await settle()
  expect(asked).toEqual(['a', 'b', 'c', 'd'])
  await clock.advance(2000)
  expect(clock.pending).toBe(0)
})

test('engines that hang keep the others waiting for a second, and are still waited for', async () => {
  const { clock, asked, look } = world(2)
  const hung = ['x', 'y'].map((name) => look(name))
  look('live')
  await clock.advance(999)
  expect(asked).toEqual(['x', 'y'])
  await clock.advance(1)
  expect(asked).toEqual(['x', 'y', 'live'])
  hung[0]!.late.resolve('at last')
  expect(await hung[0]!.result).toBe('at last')
})

test('a guest that is gone while it waits is not asked', async () => {
  const { clock, asked, look } = world(1)
  look('a')
  const gone = new AbortController()
  const { result } = look('gone', gone.signal)
  gone.abort(new Error('unregistered'))
  await expect(result).rejects.toThrow('unregistered')
  await clock.advance(5000)
  expect(asked).toEqual(['a'])
})
