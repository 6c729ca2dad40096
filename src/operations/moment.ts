import { badArgument } from './arguments.ts'

const UNIT_S: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }
const EXPECTED = 'Unix seconds, a time such as 2026-01-31T12:00:00Z, or a time span such as 10m or 1h30m'
/** RFC 3339; without a zone it is UTC, as dom0 has it. */
const RFC3339 = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)?)?$/i

/** Unix seconds from what people say: those, an RFC 3339 time, or a span until now. Refuses (`bad-argument`) else. */
export function moment(name: string, text: string, nowMs: number): number {
  if (/^\d{1,12}(?:\.\d{1,9})?$/.test(text)) return Math.floor(Number(text))
  const spans = [...text.matchAll(/(\d{1,9})([smhd])/g)]
  if (spans.length > 0 && spans.map(([span]) => span).join('') === text) {
    const seconds = spans.reduce((sum, [, number, unit]) => sum + Number(number) * (UNIT_S[unit ?? ''] ?? 0), 0)
    return Math.max(0, Math.floor(nowMs / 1000 - seconds))
  }
  const zoned = /[T ]/i.test(text) && !/(?:Z|[+-]\d\d:\d\d)$/i.test(text) ? `${text}Z` : text
  const at = RFC3339.test(text) ? Date.parse(zoned) : NaN
  if (Number.isNaN(at)) throw badArgument(name, text, EXPECTED)
  return Math.floor(at / 1000)
}
