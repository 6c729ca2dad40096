import { describe, expect, test } from 'vitest'
import { RefusedError } from '../../src/base/errors.ts'
import { parseAnswer } from '../../src/xapi/events.ts'

const EVENT = { id: '12', timestamp: '0.0', class: 'vm', operation: 'add', ref: 'OpaqueRef:1', snapshot: { uuid: 'u' } }

describe('parseAnswer', () => {
  test('takes what XAPI sends, in any letter case', () => {
    const events = [EVENT, { ...EVENT, class: 'VM_guest_metrics', operation: 'Mod' }]
    const answer = parseAnswer({ events, token: '1,2', valid_ref_counts: { VM: 7, pool: 1 } })
    expect(answer).toEqual({
      events: [
        { class: 'vm', operation: 'add', ref: 'OpaqueRef:1', snapshot: { uuid: 'u' } },
        { class: 'vm_guest_metrics', operation: 'mod', ref: 'OpaqueRef:1', snapshot: { uuid: 'u' } },
      ],
      token: '1,2',
      counts: { vm: 7, pool: 1 },
    })
  })

  test.each([
    undefined,
    '',
    [],
    {},
    { events: [], token: 1 },
    { events: {}, token: '1' },
    { token: '1' },
    { events: [] },
  ])('refuses %j', (value) => {
    expect(() => parseAnswer(value)).toThrow(RefusedError)
    expect(() => parseAnswer(value)).toThrow('XAPI sent an answer to event.from without token or events')
  })

  test.each([null, 'text', [], { ...EVENT, class: 1 }, { ...EVENT, operation: undefined }, { ...EVENT, ref: {} }])(
    'leaves out an event that is none: %j',
    (event) => {
      expect(parseAnswer({ events: [event, EVENT], token: 't' }).events).toHaveLength(1)
    },
  )

  test.each([undefined, [], 'many', { vm: 'many' }, { vm: {} }, { vm: -1 }, { vm: '' }])(
    'counts that are none count for nothing: %j',
    (counts) => {
      expect(parseAnswer({ events: [], token: 't', valid_ref_counts: counts }).counts).toEqual({})
    },
  )

  test('a count that came as text is a number', () => {
    expect(parseAnswer({ events: [], token: 't', valid_ref_counts: { vm: '12' } }).counts).toEqual({ vm: 12 })
  })
})
