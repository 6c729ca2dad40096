import type { StatsRow } from '../../operations/stats-row.ts'
import { isRecord, parsed, text } from './json-reply.ts'

export type Stats = StatsRow

const NUMBERS = [
  'cpu_percent',
  'memory_used',
  'memory_limit',
  'network_rx',
  'network_tx',
  'block_read',
  'block_write',
  'processes',
] as const

/** What get_stats answered; anything that is not as it should be is left out, or null. */
export function readStats(json: string): { readonly containers: readonly Stats[]; readonly left: number } {
  const document = parsed(json)
  const rows: unknown[] = isRecord(document) && Array.isArray(document['containers']) ? document['containers'] : []
  const left = isRecord(document) ? document['left'] : 0
  return { containers: rows.filter(isRecord).map(statsOf), left: typeof left === 'number' ? left : 0 }
}

function statsOf(row: Readonly<Record<string, unknown>>): Stats {
  const numbers = NUMBERS.map((name) => [name, typeof row[name] === 'number' ? row[name] : null])
  return {
    id: text(row['id']),
    name: text(row['name']),
    ...(Object.fromEntries(numbers) as Omit<Stats, 'id' | 'name'>),
  }
}
