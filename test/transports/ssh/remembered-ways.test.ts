import { expect, test } from 'vitest'
import { RememberedWays } from '../../../src/transports/ssh/remembered-ways.ts'
import { STREAM_LOCAL } from '../../../src/transports/ssh/rungs.ts'

const way = (socketPath: string) => ({ rung: STREAM_LOCAL, socketPath })

test('the ways used longest ago are forgotten first', () => {
  const ways = new RememberedWays(2)
  ways.set('a', way('/a'))
  ways.set('b', way('/b'))
  ways.set('a', way('/a2'))
  ways.set('c', way('/c'))
  expect(['a', 'b', 'c'].map((vm) => ways.get(vm, undefined)?.socketPath)).toEqual(['/a2', undefined, '/c'])
})

test('a way to another socket than the administrator now wants is of no use', () => {
  const ways = new RememberedWays(2)
  ways.set('a', way('/a'))
  expect(ways.get('a', '/a')).toEqual(way('/a'))
  expect(ways.get('a', '/b')).toBeUndefined()
})
