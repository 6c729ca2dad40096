import { cleanForTerminal } from '../../base/text.ts'

/** Rows of text in columns, two blanks between; cells are cleaned, the last column is not padded. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [head, ...rows.map((row) => row.map(cleanForTerminal))]
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)))
  return cells
    .map((row) => row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0))).join('  ') + '\n')
    .join('')
}

/** What in JSON text could steer a terminal: JSON itself escapes the C0 controls only. */
const STEERING = /[\x7F-\x9F\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]/g

/** The value as JSON on several lines, the same when read back, with nothing in it that could steer a terminal. */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(value, undefined, 2)
  return text.replace(STEERING, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`) + '\n'
}

/** A span of time as docker says it: `5 seconds ago`, `3 hours ago`. */
export function ago(ms: number): string {
  const steps: readonly [number, string][] = [
    [86_400_000, 'day'],
    [3_600_000, 'hour'],
    [60_000, 'minute'],
    [1000, 'second'],
  ]
  for (const [size, unit] of steps) {
    const count = Math.floor(ms / size)
    if (count >= 1) return `${count} ${unit}${count === 1 ? '' : 's'} ago`
  }
  return 'just now'
}
