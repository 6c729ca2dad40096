import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { KEY, type Fields, type FieldWrite } from '../../src/model/fields.ts'
import { planWrites } from '../../src/publish/plan-writes.ts'
import { holds } from '../fuzz/holds.ts'

const NOW = '2026-11-22T10:00:00.000Z'
const OLD = '2026-11-22T09:00:00.000Z'

/** `+key` adds, `~key` replaces, `-key` removes. */
function short(writes: readonly FieldWrite[]): string[] {
  return writes.map(({ key, value, replaces }) => `${value === undefined ? '-' : replaces ? '~' : '+'}${key}`)
}

function plan(actual: Fields, wanted: Record<string, string | undefined>) {
  const { stamp, writes, replaces } = planWrites(actual, new Map(Object.entries(wanted)), NOW)
  return { stamp: short(stamp), writes: short(writes), replaces }
}

describe('planWrites', () => {
  test.each<[string, Fields, Record<string, string | undefined>, string[], string[], boolean]>([
    ['nothing wanted', { [KEY.ps]: 'a' }, {}, [], [], false],
    ['nothing differs', { [KEY.ps]: 'a', [KEY.status]: 's' }, { [KEY.ps]: 'a', [KEY.status]: 's' }, [], [], false],
    ['what shall be absent is absent', {}, { [KEY.ps]: undefined }, [], [], false],
    ['a first document', {}, { [KEY.ps]: 'a' }, ['+xscontainer-updated'], ['+docker_ps'], false],
    [
      'a document changes',
      { [KEY.ps]: 'a', [KEY.updated]: OLD },
      { [KEY.ps]: 'b' },
      ['~xscontainer-updated'],
      ['~docker_ps'],
      true,
    ],
    [
      'a document changes, the stamp is missing',
      { [KEY.ps]: 'a' },
      { [KEY.ps]: 'b' },
      ['+xscontainer-updated'],
      ['~docker_ps'],
      true,
    ],
    [
      'a document goes',
      { [KEY.top]: 'a', [KEY.updated]: OLD },
      { [KEY.top]: undefined },
      ['~xscontainer-updated'],
      ['-docker_top'],
      false,
    ],
    [
      'the status alone is not stamped',
      { [KEY.status]: 's' },
      { [KEY.status]: 't' },
      [],
      ['~xscontainer-status'],
      true,
    ],
    ['a pin alone is not stamped', {}, { [KEY.hostKey]: 'k' }, [], ['+xscontainer-sshhostkey'], false],
    ['a wanted stamp is ours to make', {}, { [KEY.updated]: 'x' }, [], [], false],
    [
      'removals, then documents, then the status',
      { [KEY.top]: 't', [KEY.ps]: 'a' },
      { [KEY.status]: 's', [KEY.ps]: 'b', [KEY.info]: 'i', [KEY.top]: undefined },
      ['+xscontainer-updated'],
      ['-docker_top', '~docker_ps', '+docker_info', '+xscontainer-status'],
      true,
    ],
    [
      'all goes, the stamp with it',
      { [KEY.ps]: 'a', [KEY.status]: 's', [KEY.updated]: OLD },
      { [KEY.ps]: undefined, [KEY.status]: undefined, [KEY.updated]: undefined },
      [],
      ['-xscontainer-updated', '-docker_ps', '-xscontainer-status'],
      false,
    ],
    ['the stamp alone goes', { [KEY.updated]: OLD }, { [KEY.updated]: undefined }, [], ['-xscontainer-updated'], false],
    [
      'an empty value is a value',
      { [KEY.ps]: '' },
      { [KEY.ps]: undefined },
      ['+xscontainer-updated'],
      ['-docker_ps'],
      false,
    ],
  ])('%s', (_, actual, wanted, stamp, writes, replaces) => {
    expect(plan(actual, wanted)).toEqual({ stamp, writes, replaces })
  })

  test('the stamp says when', () => {
    const { stamp } = planWrites({}, new Map([[KEY.ps, 'a']]), NOW)
    expect(stamp).toEqual([{ key: KEY.updated, value: NOW, replaces: false }])
  })

  test('turns whatever is there into what is wanted, and touches nothing else', () => {
    const keys = fc.constantFrom(...Object.values(KEY), 'folder', 'XenCenter.CustomFields.x')
    const actuals = fc.dictionary(keys, fc.constantFrom('a', 'b', ''))
    const wishes = fc.uniqueArray(fc.tuple(keys, fc.constantFrom('a', 'b', '', undefined)), {
      selector: ([key]) => key,
    })
    holds(
      fc.property(actuals, wishes, (actual, wishList) => {
        const wanted = new Map<string, string | undefined>(wishList)
        const { stamp, writes } = planWrites(actual, wanted, NOW)
        const result: Record<string, string> = { ...actual }
        for (const { key, value, replaces } of [...stamp, ...writes]) {
          // XAPI refuses to add a key that is there.
          expect(replaces || value === undefined || result[key] === undefined).toBe(true)
          if (value === undefined) delete result[key]
          else result[key] = value
        }
        for (const [key, value] of wanted) if (key !== KEY.updated) expect(result[key]).toBe(value)
        for (const [key, value] of Object.entries(actual)) {
          if (!wanted.has(key) && key !== KEY.updated) expect(result[key]).toBe(value)
        }
        const again = planWrites(result, wanted, NOW)
        expect([...again.stamp, ...again.writes]).toEqual([])
      }),
    )
  })
})
