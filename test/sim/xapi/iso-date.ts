/** A date as XAPI writes it: 20260102T03:04:05Z. */
export function isoDate(date: Date): string {
  return date.toISOString().replace(/-|\.\d+/g, '')
}

/** Milliseconds since the epoch of a date in XAPI's or the usual ISO form; NaN when it is neither. */
export function parseIsoDate(text: string): number {
  const parts = /^(\d{4})-?(\d\d)-?(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d+)?Z?$/.exec(text)
  if (parts === null) return NaN
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.slice(1).map(Number)
  return Date.UTC(year, month - 1, day, hour, minute, second)
}
