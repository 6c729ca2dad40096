import { expect, test } from 'vitest'
import { readMembers } from '../../src/documents/members.ts'

test('after three members that are too long the others are counted, not looked at', () => {
  const looked: number[] = []
  const member = (i: number): unknown[] => [
    Object.defineProperty({}, 'text', {
      enumerable: true,
      get: () => {
        looked.push(i)
        return 'x'.repeat(400_000)
      },
    }),
  ]
  const document = {
    Name: 'guest',
    ...Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`m${i}`, member(i)])),
  }
  const { elements, left } = readMembers('docker_info', document, undefined, new Set())
  expect([...elements.keys()]).toEqual(['Name'])
  expect(left).toBe(1000)
  expect(looked).toEqual([0, 1, 2])
})
