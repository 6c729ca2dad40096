import { cutText } from '../base/text.ts'
import { readProcesses, type ProcessRow } from '../documents/process-row.ts'
import { XmlPage } from '../documents/xml.ts'
import { containerRef } from '../engine/container-ref.ts'
import type { ProcessTable } from '../engine/engine.ts'
import { engineOf } from './engine-of.ts'
import type { Operation } from './operation.ts'

const BUDGET_BYTES = 262_144
const MAX_PROCESSES = 2_048
const MAX_COLUMNS = 32
const CELL_CHARS = 256

/** The processes of a running container, as XML. */
export const getTop: Operation = {
  name: 'get_top',
  args: ['vmuuid', 'object'],

  async run(context, args, signal) {
    const container = containerRef(args.object ?? '')
    const engine = await engineOf(context, signal)
    return topDocument(await engine.top(container, signal))
  },
}

/** A flat list of processes, each with the engine's own columns, and with PID, TIME and CMD whatever those are called. */
export function topDocument(table: ProcessTable): string {
  const page = new XmlPage('docker_top', BUDGET_BYTES)
  const titles = table.titles.slice(0, MAX_COLUMNS).map((title) => cutText(title.trim(), 64))
  const rows = readProcesses(table, MAX_PROCESSES)
  const items = rows.map((row, i) =>
    page.element('item', { Process: processOf(titles, table.processes[i] ?? [], row) }),
  )
  const fitting = items.filter((item) => item !== undefined)
  return page.document(fitting, table.processes.length - fitting.length)
}

/** No cell is empty: XenCenter fails at an empty element. */
function processOf(titles: readonly string[], cells: readonly string[], row: ProcessRow): unknown {
  const columns = titles.map((title, i) => [title, cutText(cells[i]?.trim() ?? '', CELL_CHARS).trim() || '-'] as const)
  const known = new Map(columns.filter(([title]) => title !== ''))
  known.set('PID', row.pid).set('TIME', row.time).set('CMD', row.cmd)
  return Object.fromEntries(known)
}
