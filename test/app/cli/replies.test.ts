import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readReport, reportText } from '../../../src/app/cli/doctor.ts'
import { readList } from '../../../src/app/cli/list-reply.ts'
import { readStats } from '../../../src/app/cli/stats-reply.ts'
import { bytes, age } from '../../../src/app/cli/table.ts'
import { watchScreen, watchTables, type WatchState } from '../../../src/app/cli/watch-screen.ts'
import { listed, STEERING } from './fixtures.ts'
import { holds } from '../../fuzz/holds.ts'

const NASTY = 'x\u001b[2J\u009b1m\u202E\n'

describe('answers of other processes and hosts', () => {
  test('a list comes through as it was sent', () => {
    const vms = [listed('aaaa'), listed('bbbb', { state: null, list_age_ms: null, containers: [] })]
    expect(readList(JSON.stringify({ vms }))).toMatchObject(JSON.parse(JSON.stringify(vms)) as object)
  })

  test('whatever comes, reading it never throws', () => {
    holds(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        for (const json of [
          text,
          `{"vms":[${text}]}`,
          `{"vms":[{"containers":[${text}]}]}`,
          `{"containers":[${text}]}`,
          `{"steps":[${text}]}`,
        ]) {
          for (const { uuid, containers } of readList(json))
            expect([typeof uuid, Array.isArray(containers)]).toEqual(['string', true])
          for (const { id } of readStats(json).containers) expect(typeof id).toBe('string')
          expect(typeof reportText(readReport(json))).toBe('string')
        }
      }),
    )
  })

  test('stats: figures, or null for what is not told', () => {
    const { containers, left } = readStats(
      '{"containers":[{"id":"a","name":"b","cpu_percent":1.5,"processes":null}],"left":3}',
    )
    expect(left).toBe(3)
    expect(containers).toEqual([
      expect.objectContaining({ id: 'a', name: 'b', cpu_percent: 1.5, processes: null, memory_used: null }),
    ])
  })
})

describe('doctor', () => {
  const report = readReport(
    JSON.stringify({
      ok: false,
      subject: { vm: 'u', name: NASTY, status: null },
      steps: [
        { name: 'a', title: 'first', state: 'ok', ms: 1.25, detail: NASTY, diagnosis: null },
        {
          name: 'b',
          title: 'second',
          state: 'failed',
          ms: 2000,
          detail: '',
          diagnosis: { kind: 'k', cause: 'It broke', cure: 'Mend it' },
        },
        { name: 'c', title: 'third', state: 'skipped', ms: null, detail: '', diagnosis: null },
      ],
    }),
  )

  test('one line per step, cause and cure where it failed', () => {
    const text = reportText(report)
    expect(text.split('\n').slice(2)).toEqual([
      'STATE    STEP    TIME     FOUND',
      expect.stringMatching(/^ok {7}first {3}1\.\d ms {3}x/),
      'FAILED   second  2000 ms  It broke. Mend it',
      'skipped  third   -',
      '1 step failed.',
      '',
    ])
    expect(text).not.toMatch(STEERING)
  })
})

describe('watch', () => {
  const containers = ['a', 'b', 'c'].map((name) => ({
    id: `id-${name}`, container: `id-${name}`, names: name, image: 'i', command: '', status: name === 'c' ? 'Exited (1)' : 'Up', created: 0, ports: [],
  })) // prettier-ignore
  const use = (id: string, cpu: number, memory: number) => ({
    id, name: id, cpu_percent: cpu, memory_used: memory, memory_limit: null, network_rx: null, network_tx: null,
    block_read: null, block_write: null, processes: null,
  }) // prettier-ignore
  const state: WatchState = {
    vms: [listed('one', { containers }), listed('two', { containers }), listed('three', { containers: [] })],
    stats: new Map([
      ['one-0000-1111-2222-333344445555', [use('id-a', 1, 900), use('id-b', 50, 100)]],
      ['two-0000-1111-2222-333344445555', [use('id-a', 20, 500)]],
    ]),
    sort: 'cpu',
    reversed: false,
  }
  const order = (more: Partial<WatchState>) =>
    watchTables({ ...state, ...more })
      .containers.trim()
      .split('\n')
      .slice(1)
      .map((line) => line.split(/\s+/).slice(1, 3).join('/'))

  test('VMs with the sums of their containers, the busiest first', () => {
    expect(watchTables(state).vms.split('\n').slice(0, 4)).toEqual([
      'VM     CPU %  MEMORY  CONTAINERS  STATUS',
      'one    51.0   1000B   2/3         monitored since 2026-11-22T10:00:00Z',
      'two    20.0   500B    2/3         monitored since 2026-11-22T10:00:00Z',
      'three  --     --      0/0         monitored since 2026-11-22T10:00:00Z',
    ])
  })

  test('running containers in the order wanted, what is not known last', () => {
    expect(order({})).toEqual(['one/b', 'two/a', 'one/a', 'two/b'])
    expect(order({ sort: 'memory' })).toEqual(['one/a', 'two/a', 'one/b', 'two/b'])
    expect(order({ sort: 'name' })).toEqual(['one/a', 'two/a', 'one/b', 'two/b'])
    expect(order({ sort: 'vm', reversed: true })).toEqual(['two/b', 'two/a', 'one/b', 'one/a'])
  })

  test.each([
    [80, 24],
    [20, 5],
    [200, 60],
  ])('fits into %d columns and %d rows, and cannot be steered', (columns, rows) => {
    const many = Array.from({ length: 30 }, (_, i) => listed(`${NASTY}${i}`, { status: NASTY, containers }))
    const lines = watchScreen({ ...state, vms: many }, { columns, rows })
    expect(lines.length).toBeLessThanOrEqual(rows)
    for (const line of lines) {
      expect([...line].length).toBeLessThanOrEqual(columns)
      expect(line).not.toMatch(STEERING)
    }
    expect(watchScreen(state, { columns: 80, rows: 24 }).at(-1)).toContain('q quit')
  })
})

test.each([
  [null, 1000, '--'],
  [0, 1000, '0B'],
  [999, 1000, '999B'],
  [1500, 1000, '1.5kB'],
  [1_234_567, 1000, '1.23MB'],
  [1024, 1024, '1KiB'],
  [134_217_728, 1024, '128MiB'],
  [1_072_693_248, 1024, '1023MiB'],
  [2 ** 60, 1024, '1024PiB'],
] as const)('%j bytes by %d are %s', (count, base, words) => {
  expect(bytes(count, base)).toBe(words)
})

test.each([
  [-5, '0.0 s'],
  [400, '0.4 s'],
  [12_000, '12 s'],
  [180_000, '3 min'],
  [7_200_000, '2 h'],
  [172_800_000, '2 d'],
])('%d ms is an age of %s', (ms, words) => {
  expect(age(ms)).toBe(words)
})
