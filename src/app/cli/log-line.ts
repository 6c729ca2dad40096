import { cleanForTerminal } from '../../base/text.ts'
import { isRecord } from '../../xapi/wire.ts'

/** Lowest first. */
export const LEVELS: readonly string[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal']
const SHOWN_APART = new Set(['level', 'time', 'msg', 'err', 'reason'])
const MOST_CHARS = 2000

/**
 * A line of the log as people read it: time, level, what happened, why, and the rest as name=value. A line that is no
 * JSON, as the predecessor's, comes as it is. undefined when its level is below `least`.
 */
export function logLine(line: string, least: string): string | undefined {
  const entry = parse(line)
  if (entry === undefined) return line.trim() === '' ? undefined : cleanForTerminal(line.slice(0, MOST_CHARS))
  const level = text(entry['level'])
  if (LEVELS.indexOf(level) < LEVELS.indexOf(least)) return undefined
  const err = entry['err']
  const why = isRecord(err) ? text(err['message']) : text(err ?? entry['reason'] ?? '')
  const rest = Object.entries(entry)
    .filter(([name]) => !SHOWN_APART.has(name))
    .map(([name, value]) => `${name}=${text(value)}`)
  const time = text(entry['time']).replace('T', ' ').replace('Z', '')
  const said = why === '' ? text(entry['msg']) : `${text(entry['msg'])}: ${why}`
  const head = `${cleanForTerminal(time).padEnd(23)} ${cleanForTerminal(level).toUpperCase().padEnd(5)}`
  return `${head} ${cleanForTerminal([said, ...rest].join(' ').slice(0, MOST_CHARS))}`
}

function parse(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const entry: unknown = JSON.parse(line)
    return isRecord(entry) ? entry : undefined
  } catch {
    return undefined
  }
}

function text(value: unknown): string {
  if (typeof value === 'string') return value
  return value === undefined ? '' : JSON.stringify(value)
}
