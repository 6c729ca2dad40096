import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { Gate } from '../../src/base/gate.ts'
import { settle } from '../fakes/fake-clock.ts'
import { Late, stateOf } from '../fakes/late.ts'

const { signal } = new AbortController()

test('no more than the limit are inside; the others follow in their order', async () => {
  const gate = new Gate(2)
  const works = ['a', 'b', 'c', 'd'].map((name) => ({ name, late: new Late<string>() }))
  const entered: string[] = []
  const results = works.map(({ name, late }) =>
    gate.pass(signal, () => {
      entered.push(name)
      return late.promise
    }),
  )
  await settle()
  expect(entered).toEqual(['a', 'b'])
  works[1]!.late.reject(new Error('b failed'))
  await expect(results[1]).rejects.toThrow('b failed')
  await settle()
  expect(entered).toEqual(['a', 'b', 'c'])
  works[0]!.late.resolve('a done')
  await expect(results[0]).resolves.toBe('a done')
  await settle()
  expect(entered).toEqual(['a', 'b', 'c', 'd'])
})

test('who aborts in line is turned away without running, keeps nobody’s place and leaves no listener', async () => {
  const gate = new Gate(1)
  const inside = new Late<void>()
  void gate.pass(signal, () => inside.promise)
  const quitter = new AbortController()
  const ran: string[] = []
  const quit = gate.pass(quitter.signal, async () => ran.push('quitter'))
  const stayer = new AbortController()
  const stay = stateOf(gate.pass(stayer.signal, async () => ran.push('stayer')))
  quitter.abort(new Error('gave up'))
  await expect(quit).rejects.toThrow('gave up')
  inside.resolve()
  await settle()
  expect([ran, stay.state]).toEqual([['stayer'], 'fulfilled'])
  expect(getEventListeners(stayer.signal, 'abort')).toHaveLength(0)
})

test('nobody enters with an aborted signal, though there is room', async () => {
  const ran: string[] = []
  const turned = new Gate(1).pass(AbortSignal.abort(new Error('over')), async () => ran.push('x'))
  await expect(turned).rejects.toThrow('over')
  expect(ran).toEqual([])
})
