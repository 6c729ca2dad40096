import { describe, expect, test } from 'vitest'
import { KEY } from '../../src/model/fields.ts'
import { fieldsOf, parseNetworks, parseVm, refOf } from '../../src/xapi/vm-record.ts'

const SNAPSHOT = {
  uuid: 'u-1',
  name_label: 'web',
  power_state: 'Running',
  resident_on: 'OpaqueRef:host',
  is_control_domain: false,
  is_a_template: false,
  is_a_snapshot: false,
  guest_metrics: 'OpaqueRef:metrics',
  other_config: { [KEY.monitor]: 'True', folder: '/x', [KEY.ps]: '<docker_ps/>' },
}

describe('parseVm', () => {
  test('keeps what we need, and of other_config our own keys only', () => {
    expect(parseVm('OpaqueRef:1', SNAPSHOT)).toEqual({
      record: {
        ref: 'OpaqueRef:1',
        uuid: 'u-1',
        name: 'web',
        powerState: 'Running',
        residentOn: 'OpaqueRef:host',
        isControlDomain: false,
        isTemplate: false,
        isSnapshot: false,
        otherConfig: { [KEY.monitor]: 'True', [KEY.ps]: '<docker_ps/>' },
      },
      guestMetrics: 'OpaqueRef:metrics',
    })
  })

  test('keeps every key that this product knows', () => {
    const all = Object.fromEntries(Object.values(KEY).map((key) => [key, 'v']))
    expect(parseVm('r', { ...SNAPSHOT, other_config: all })?.record.otherConfig).toEqual(all)
  })

  test.each([undefined, null, '', 'text', 7, [], {}, { uuid: 5 }])('%j is no VM', (snapshot) => {
    expect(parseVm('r', snapshot)).toBeUndefined()
  })

  test('odd members count for nothing, and for nothing that would be monitored', () => {
    const odd = {
      ...SNAPSHOT,
      name_label: 5,
      power_state: 'Dreaming',
      resident_on: '',
      guest_metrics: [],
      other_config: 'x',
    }
    expect(parseVm('r', odd)).toMatchObject({
      record: { name: '', powerState: 'Halted', residentOn: undefined, otherConfig: {} },
      guestMetrics: undefined,
    })
    expect(parseVm('r', { ...SNAPSHOT, other_config: { [KEY.monitor]: true } })?.record.otherConfig).toEqual({})
  })

  test.each([
    ['is_control_domain', 'isControlDomain'],
    ['is_a_template', 'isTemplate'],
    ['is_a_snapshot', 'isSnapshot'],
  ] as const)('%s', (member, property) => {
    expect(parseVm('r', { ...SNAPSHOT, [member]: true })?.record[property]).toBe(true)
  })

  test.each(['Running', 'Paused', 'Suspended', 'Halted'])('power state %s', (power_state) => {
    expect(parseVm('r', { ...SNAPSHOT, power_state })?.record.powerState).toBe(power_state)
  })
})

describe('parseNetworks', () => {
  test('keeps addresses and nothing else that a guest may write', () => {
    const networks = {
      '0/ip': '10.0.0.1',
      '1/ipv4/0': '10.0.0.2',
      '1/ipv6/12': 'fe80::1',
      '0/mac': 'x',
      ip: '10.0.0.3',
      '0/ip/../x': '10.0.0.4',
      '9999/ip': '10.0.0.5',
      '2/ip': 5,
    }
    expect(parseNetworks({ networks })).toEqual({ '0/ip': '10.0.0.1', '1/ipv4/0': '10.0.0.2', '1/ipv6/12': 'fe80::1' })
  })

  test('is bounded', () => {
    const many = Object.fromEntries(Array.from({ length: 900 }, (_, i) => [`${i}/ip`, `10.0.0.${i}`]))
    expect(Object.keys(parseNetworks({ networks: many }))).toHaveLength(64)
  })

  test.each([undefined, '', [], {}, { networks: 'x' }, { networks: [] }])('%j has none', (snapshot) => {
    expect(parseNetworks(snapshot)).toEqual({})
  })
})

test('fieldsOf takes string members that are wanted', () => {
  expect(fieldsOf({ a: '1', b: 2, c: '3' }, (key) => key !== 'c')).toEqual({ a: '1' })
  expect(fieldsOf(undefined, () => true)).toEqual({})
})

test.each([
  ['OpaqueRef:1', 'OpaqueRef:1'],
  ['OpaqueRef:NULL', undefined],
  ['', undefined],
  [5, undefined],
])('refOf(%j) is %j', (value, ref) => {
  expect(refOf(value)).toBe(ref)
})
