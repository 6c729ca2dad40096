import { afterEach, expect, test } from 'vitest'
import { LocalDateFormat } from '../../src/base/local-date-format.ts'

const timeZone = process.env['TZ']
afterEach(() => {
  if (timeZone === undefined) delete process.env['TZ']
  else process.env['TZ'] = timeZone
})

const NUMBERS: Intl.DateTimeFormatOptions = {
  ...{ year: 'numeric', month: '2-digit', day: '2-digit' },
  ...{ hour: '2-digit', minute: '2-digit', second: '2-digit', weekday: 'short', hour12: false },
}

/** The parts by type, as node-cron reads them: midnight may be 24. */
function partsOf(format: { formatToParts(date: Date): { type: string; value: string }[] }, date: Date) {
  const parts = format.formatToParts(date).filter(({ type }) => type !== 'literal')
  return Object.fromEntries(parts.map(({ type, value }) => [type, type === 'hour' && value === '24' ? '00' : value]))
}

test.each(['UTC', 'Europe/Berlin', 'America/St_Johns', 'Asia/Kathmandu', 'Pacific/Auckland', 'Australia/Lord_Howe'])(
  'in %s it says what Intl says, in winter and summer, at midnight and when clocks are set',
  (zone) => {
    process.env['TZ'] = zone
    const numbers = new Intl.DateTimeFormat('en-US', NUMBERS)
    const offset = new Intl.DateTimeFormat('en-US', { timeZoneName: 'shortOffset' })
    const found = new LocalDateFormat()
    const different: unknown[] = []
    for (let hour = 0; hour < 24 * 366; hour += 1.5) {
      const date = new Date(Date.UTC(2027, 0, 1) + hour * 3_600_000)
      const all = partsOf(found, date)
      // Intl says GMT+0 for GMT or not, from version to version; to node-cron both are the same.
      const wanted = {
        ...partsOf(numbers, date),
        timeZoneName: partsOf(offset, date)['timeZoneName']?.replace('+0', ''),
      }
      for (const [type, value] of Object.entries(wanted))
        if (all[type] !== value) different.push([date, type, value, all])
    }
    expect(different.slice(0, 3)).toEqual([])
  },
)

test('a time zone that is named is refused: nothing of ours names one', () => {
  expect(() => new LocalDateFormat('en-US', { timeZone: 'Europe/Berlin' })).toThrow(RangeError)
})
