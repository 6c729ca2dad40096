import { cleanForTerminal, steadyJson } from '../../base/text.ts'

/** Rows of text in columns, two blanks between; cells and titles are cleaned, ends of lines are not padded. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [head, ...rows].map((row) => row.map(cleanForTerminal))
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)))
  return cells
    .map(
      (row) =>
        row
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join('  ')
          .trimEnd() + '\n',
    )
    .join('')
}

/** The value as JSON on several lines, the same when read back, with nothing in it that could steer a terminal. */
export function jsonText(value: unknown): string {
  return `${steadyJson(JSON.stringify(value, undefined, 2))}\n`
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

/** A number of bytes as docker says it: `1.5MB`, or with 1024 `1.43MiB`; `--` when it is not known. */
export function bytes(count: number | null, base: 1000 | 1024 = 1000): string {
  if (count === null) return '--'
  const units = base === 1000 ? ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] : ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']
  let value = count
  let unit = 0
  while (value >= base && unit < units.length - 1) {
    value /= base
    unit++
  }
  return `${unit === 0 ? String(value) : Number(value.toPrecision(value >= 1000 ? 4 : 3)).toString()}${units[unit]}`
}

/** A short span of time: `0.4 s`, `12 s`, `5 min`, `3 h`, `2 d`. */
export function age(ms: number): string {
  const seconds = Math.max(ms, 0) / 1000
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 120) return `${Math.floor(seconds)} s`
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`
}
