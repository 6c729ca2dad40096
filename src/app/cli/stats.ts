import { ask } from './ask.ts'
import { readStats, type Stats } from './stats-reply.ts'
import { bytes, jsonText, table } from './table.ts'
import { EXIT, type Verb } from './verb.ts'

const HEAD = ['CONTAINER ID', 'NAME', 'CPU %', 'MEM USAGE / LIMIT', 'MEM %', 'NET I/O', 'BLOCK I/O', 'PIDS']

/** What the containers of a VM use at this moment, in docker's columns. */
export const stats: Verb = async (context, { args, options }) => {
  const [word = '', object] = args
  const vm = await context.vm(word)
  const text = await ask(context, vm, 'get_stats', object === undefined ? {} : { object })
  const { containers, left } = readStats(text)
  if (options['json'] === true) context.io.out(jsonText(containers))
  else context.io.out(table(HEAD, containers.map(cells)))
  if (left > 0) context.note(`${left} more running containers were not looked at`)
  return EXIT.done
}

function cells(row: Stats): string[] {
  const { id, name, cpu_percent, memory_used, memory_limit, network_rx, network_tx, block_read, block_write } = row
  const share = memory_used === null || !memory_limit ? null : (memory_used / memory_limit) * 100
  return [
    id.slice(0, 10),
    name,
    percent(cpu_percent, 1),
    `${bytes(memory_used, 1024)} / ${bytes(memory_limit, 1024)}`,
    percent(share, 2),
    `${bytes(network_rx)} / ${bytes(network_tx)}`,
    `${bytes(block_read)} / ${bytes(block_write)}`,
    row.processes === null ? '--' : String(row.processes),
  ]
}

function percent(value: number | null, digits: number): string {
  return value === null ? '--' : `${value.toFixed(digits)}%`
}
