const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const

interface Part {
  readonly type: 'month' | 'day' | 'year' | 'hour' | 'minute' | 'second' | 'weekday' | 'timeZoneName'
  readonly value: string
}

/**
 * What node-cron uses of Intl.DateTimeFormat, for this system's time zone alone: the build puts it in that one's place.
 * The real one keeps 9 MB resident, most of them pages of the locale data in Node's file.
 */
export class LocalDateFormat {
  /** Throws RangeError for any time zone that is named. */
  constructor(_locale?: string, options: { readonly timeZone?: string | undefined } = {}) {
    if (options.timeZone !== undefined) throw new RangeError(`no time zone but the system's: ${options.timeZone}`)
  }

  /** All parts that node-cron asks for, as numbers and English words. */
  formatToParts(date: Date): Part[] {
    const two = (value: number) => String(value).padStart(2, '0')
    return [
      { type: 'month', value: two(date.getMonth() + 1) },
      { type: 'day', value: two(date.getDate()) },
      { type: 'year', value: String(date.getFullYear()) },
      { type: 'hour', value: two(date.getHours()) },
      { type: 'minute', value: two(date.getMinutes()) },
      { type: 'second', value: two(date.getSeconds()) },
      { type: 'weekday', value: WEEKDAYS[date.getDay()]! },
      { type: 'timeZoneName', value: offsetName(-date.getTimezoneOffset()) },
    ]
  }
}

/** As Intl's shortOffset: GMT, GMT+2, GMT-3:30. */
function offsetName(minutes: number): string {
  if (minutes === 0) return 'GMT'
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60]
  return `GMT${minutes < 0 ? '-' : '+'}${hours}${rest === 0 ? '' : `:${String(rest).padStart(2, '0')}`}`
}
