import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Fields } from '../../src/model/fields.ts'
import { chooseAddresses, type AddressRules } from '../../src/monitor/addresses.ts'
import { RULES } from './fixtures.ts'
import { holds } from '../fuzz/holds.ts'

function chosen(networks: Fields, override?: string, rules: Partial<AddressRules> = {}): readonly string[] {
  return chooseAddresses(networks, override, { ...RULES, ...rules }).addresses
}

describe('an address that a guest reports', () => {
  test.each([
    '10.0.0.7', '192.168.1.1', '172.16.0.9', '1.2.3.4', '223.255.255.255', '2001:db8::7', 'fd00::1', '100.64.0.1',
  ])('%s may be dialled', (address) => {
    expect(chosen({ '0/ip': address })).toEqual([address])
  }) // prettier-ignore

  test.each([
    ['127.0.0.1', 'is a loopback address'],
    ['127.255.255.254', 'is a loopback address'],
    ['::1', 'is a loopback address'],
    ['0:0:0:0:0:0:0:1', 'is a loopback address'],
    ['0.0.0.0', 'is not the address of one machine'],
    ['0.1.2.3', 'is not the address of one machine'],
    ['224.0.0.1', 'is not the address of one machine'],
    ['239.255.255.255', 'is not the address of one machine'],
    ['240.0.0.1', 'is not the address of one machine'],
    ['255.255.255.255', 'is not the address of one machine'],
    ['::', 'is not the address of one machine'],
    ['ff02::1', 'is not the address of one machine'],
    ['fe80::1', 'is not the address of one machine'],
    ['fe80::1%eth0', 'is not the address of one machine'],
    ['::ffff:10.0.0.7', 'is not the address of one machine'],
    ['::ffff:127.0.0.1', 'is not the address of one machine'],
    ['64:ff9b::a00:1', 'is not the address of one machine'],
    ['::ffff:a00:1', 'is not the address of one machine'],
    ['10.0.0.1', 'belongs to a host of the pool'],
    ['2001:db8::1', 'belongs to a host of the pool'],
    ['2001:DB8:0:0:0:0:0:1', 'belongs to a host of the pool'],
    ['2001:0db8::0001', 'belongs to a host of the pool'],
    ['2001:db8::0.0.0.1', 'belongs to a host of the pool'],
    ['2001:db8::1%0', 'belongs to a host of the pool'],
    ['169.254.1.1', 'is link-local (used on the host-internal network only)'],
    ['', 'is not an IP address'],
    ['localhost', 'is not an IP address'],
    ['10.0.0.7:22', 'is not an IP address'],
    ['10.0.0.7/24', 'is not an IP address'],
    ['010.0.0.1', 'is not an IP address'],
    ['10.1', 'is not an IP address'],
    ['0x7f000001', 'is not an IP address'],
    ['2130706433', 'is not an IP address'],
    ['-oProxyCommand=x', 'is not an IP address'],
    ['\u001b[2J', 'is not an IP address'],
  ])('%s is refused: it %s', (address, why) => {
    const { addresses, problem } = chooseAddresses({ '0/ip': address }, undefined, RULES)
    expect(addresses).toEqual([])
    expect(problem).toMatchObject({ kind: 'address-refused' })
    expect(problem?.cause).toContain(why)
    expect(problem?.cure).toContain('xscontainer-address')
  })

  test('loopback is allowed where the configuration says so, and hosts’ addresses not even then', () => {
    expect(chosen({ '0/ip': '127.0.0.5' }, undefined, { allowLoopback: true })).toEqual(['127.0.0.5'])
    const rules = { allowLoopback: true, hostAddresses: new Set(['127.0.0.5']) }
    expect(chosen({ '0/ip': '127.0.0.5' }, undefined, rules)).toEqual([])
    expect(chosen({ '0/ip': '::ffff:127.0.0.5' }, undefined, rules)).toEqual([])
  })

  test('link-local is allowed on the host-internal network only', () => {
    expect(chosen({ '1/ip': '169.254.1.1' })).toEqual(['169.254.1.1'])
    expect(chosen({ '0/ip': '169.254.1.1', '2/ipv4/0': '169.254.1.2' })).toEqual([])
  })

  test('the cause shows a bounded text', () => {
    const { problem } = chooseAddresses({ '0/ip': 'x'.repeat(5000) }, undefined, RULES)
    expect(problem!.cause.length).toBeLessThan(200)
  })
})

describe('the order', () => {
  const networks = { '0/ip': '10.0.0.7', '0/ipv6/0': '2001:db8::7', '1/ip': '169.254.0.9', '2/ip': '10.0.0.8' }

  test('IPv4 before IPv6, the host-internal network last', () => {
    expect(chosen(networks)).toEqual(['10.0.0.7', '10.0.0.8', '2001:db8::7', '169.254.0.9'])
  })

  test('the host-internal network first where the pool wants it', () => {
    expect(chosen(networks, undefined, { preferHostInternal: true })).toEqual([
      '169.254.0.9', '10.0.0.7', '10.0.0.8', '2001:db8::7',
    ]) // prettier-ignore
  })

  test('the same address once, four at most, unusable ones left out', () => {
    const many = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`${i + 2}/ip`, `10.0.1.${i % 9}`]))
    expect(chosen({ '0/ip': '127.0.0.1', ...many })).toEqual(['10.0.1.0', '10.0.1.1', '10.0.1.2', '10.0.1.3'])
    expect(chosen({ '0/ip': ' 10.0.0.7 ', '0/ipv4/0': '10.0.0.7' })).toEqual(['10.0.0.7'])
  })

  test('is the same for the same report: no change of mind between two looks', () => {
    holds(
      fc.property(fc.dictionary(fc.constantFrom('0/ip', '1/ip', '0/ipv6/0', '2/ip'), fc.ipV4()), (reported) => {
        expect(chosen(reported)).toEqual(chosen({ ...reported }))
      }),
    )
  })
})

describe('the administrator’s address', () => {
  test('replaces all that are reported', () => {
    expect(chosen({ '0/ip': '10.0.0.7' }, ' 10.9.9.9 ')).toEqual(['10.9.9.9'])
    expect(chosen({}, '2001:db8::9')).toEqual(['2001:db8::9'])
    expect(chosen({}, '169.254.3.4')).toEqual(['169.254.3.4'])
  })

  test('an empty one counts for nothing', () => {
    expect(chosen({ '0/ip': '10.0.0.7' }, '  ')).toEqual(['10.0.0.7'])
  })

  test.each(['10.0.0.1', '127.0.0.1', 'guest.example', 'ff02::1', 'x'.repeat(900)])(
    '%s is refused, and the reported ones are not used instead',
    (override) => {
      const { addresses, problem } = chooseAddresses({ '0/ip': '10.0.0.7' }, override, RULES)
      expect(addresses).toEqual([])
      expect(problem?.cause).toContain('xscontainer-address')
      expect(problem!.cause.length).toBeLessThan(200)
    },
  )
})

test('a VM that reports nothing says what to install or set', () => {
  expect(chooseAddresses({}, undefined, RULES).problem).toMatchObject({
    kind: 'no-address',
    cause: 'The VM reports no IP address',
  })
})

test('no text that a guest can write is ever dialled unless it is an address', () => {
  holds(
    fc.property(fc.oneof(fc.string(), fc.ipV4Extended(), fc.ipV6(), fc.domain()), (text) => {
      for (const address of chosen({ '0/ip': text })) {
        expect(address).toMatch(/^[0-9a-f.:%]+$/i)
        expect(address).not.toMatch(/^(127|0|22[4-9]|2[3-5]\d)\./)
      }
    }),
    { numRuns: 500 },
  )
})

describe('IPv4 in IPv6 clothes', () => {
  // It would pass the rules for IPv4 addresses: 10.0.0.1 may be a host's own.
  test.each([
    ['IPv4-compatible', '::10.0.0.1'],
    ['IPv4-compatible loopback', '::127.0.0.1'],
    ['IPv4-mapped', '::ffff:10.0.0.1'],
    ['IPv4-translated', '::ffff:0:10.0.0.1'],
    ['NAT64', '64:ff9b::10.0.0.1'],
    ['NAT64 of the local network', '64:ff9b:1::10.0.0.1'],
    ['NAT64 of a longer prefix', '64:ff9b:1:a00:0:100::'],
    ['6to4', '2002:a00:1::1'],
  ])('%s is refused, %s', (_name, address) => {
    expect(chosen({ '0/ipv6/0': address }, undefined, { allowLoopback: true })).toEqual([])
  })
})
