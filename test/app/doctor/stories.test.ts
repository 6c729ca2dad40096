import { describe, expect, test } from 'vitest'
import { addressStory, reportedStory } from '../../../src/app/doctor/address-story.ts'
import { clockStory } from '../../../src/app/doctor/diagnose-engine.ts'
import type { AddressRules } from '../../../src/monitor/addresses.ts'
import { vm } from '../cli/fixtures.ts'

const NOW = Date.parse('2026-11-22T12:00:00Z')
const RULES: AddressRules = {
  allowLoopback: false,
  hostAddresses: new Set(['10.0.0.1']),
  hostInternalDevices: new Set(),
  preferHostInternal: false,
}
const record = (networks: Record<string, string>, address?: string) => ({
  ...vm('a', { otherConfig: address === undefined ? {} : { 'xscontainer-address': address } }),
  networks,
})

describe('clockStory', () => {
  test.each([
    ['2026-11-22T12:00:00.5Z', 'the same as this host, within 1 s'],
    ['2026-11-22T12:00:02.123456789Z', "2.1 s ahead of this host's"],
    ['2026-11-22T13:00:02+01:00', "2.0 s ahead of this host's"],
    ['2026-11-22T11:59:35Z', "25 s behind this host's"],
    ['soon', 'the engine does not tell its time'],
    [undefined, 'the engine does not tell its time'],
    [5, 'the engine does not tell its time'],
  ])('%j: %s', (time, words) => expect(clockStory(time, NOW)).toBe(words))

  test.each([
    ['2026-11-22T12:00:31Z', "The guest's clock is 31 s ahead of this host's"],
    ['2026-11-22T11:00:00Z', "The guest's clock is 3600 s behind this host's"],
  ])('%j is too far', (time, cause) => {
    expect(() => clockStory(time, NOW)).toThrow(`${cause}. Set the guest up for NTP`)
  })
})

describe('addresses', () => {
  test.each([
    [{ '0/ip': '10.0.0.5' }, undefined, ['10.0.0.5'], '10.0.0.5 (the only usable one)'],
    [
      { '0/ip': '10.0.0.5', '0/ipv6/0': 'fd00::5' },
      undefined,
      ['10.0.0.5', 'fd00::5'],
      '10.0.0.5, then fd00::5 (IPv4 before IPv6)',
    ],
    [
      { '0/ip': '10.0.0.1', '0/ipv4/0': '10.0.0.1', '1/ip': '10.0.0.5' },
      undefined,
      ['10.0.0.5'],
      '10.0.0.5 (the only usable one); refused: 10.0.0.1 of device 0 belongs to a host of the pool',
    ],
    [{ '0/ip': '10.0.0.5' }, '10.9.9.9', ['10.9.9.9'], '10.9.9.9 (set by xscontainer-address)'],
  ])('%j with override %j', (networks, override, chosen, words) => {
    expect(addressStory(record(networks, override), chosen, RULES)).toBe(words)
  })

  test('the host-internal network is told of where there is one', () => {
    const rules = { ...RULES, hostInternalDevices: new Set(['1']), preferHostInternal: true }
    expect(addressStory(record({}), ['169.254.0.9', '10.0.0.5'], rules)).toContain('the host-internal network first')
  })

  test.each([
    [{}, undefined, '0 addresses'],
    [{ '0/ip': 'a', '0/ipv4/0': 'a' }, undefined, '1 address'],
    [{ '0/ip': 'a', '1/ip': 'b' }, ' 10.0.0.9 ', '2 addresses; not needed, as xscontainer-address is set'],
    [{ '0/ip': 'a' }, '  ', '1 address'],
  ])('%j with override %j: %s', (networks, override, words) => {
    expect(reportedStory(record(networks, override))).toBe(words)
  })
})
