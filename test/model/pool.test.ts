import fc from 'fast-check'
import { isIPv6 } from 'node:net'
import { expect, test } from 'vitest'
import { canonicalAddress } from '../../src/model/pool.ts'
import { holds } from '../fuzz/holds.ts'

test.each([
  ['10.0.0.1', '10.0.0.1'],
  ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
  ['2001:0db8::0001', '2001:db8::1'],
  ['fe80::1%eth0', 'fe80::1'],
  ['::ffff:10.0.0.1', '::ffff:a00:1'],
  ['::', '::'],
  ['', ''],
  ['guest.example', 'guest.example'],
  ['2001:db8::1/64', '2001:db8::1/64'],
])('%j is written %j', (text, canonical) => {
  expect(canonicalAddress(text)).toBe(canonical)
})

test('every spelling of an IPv6 address is written the same way', () => {
  const groups = fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 8, maxLength: 8 })
  holds(
    fc.property(groups, (numbers) => {
      const long = numbers.map((n) => n.toString(16).padStart(4, '0')).join(':')
      const short = numbers.map((n) => n.toString(16).toUpperCase()).join(':')
      expect(canonicalAddress(long)).toBe(canonicalAddress(short))
      expect(isIPv6(canonicalAddress(long))).toBe(true)
      expect(canonicalAddress(canonicalAddress(long))).toBe(canonicalAddress(long))
    }),
  )
})
