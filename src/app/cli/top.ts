import { KEY } from '../../model/fields.ts'
import { ask } from './ask.ts'
import type { CliContext } from './context.ts'
import { listOf } from './list.ts'
import { readStats } from './stats-reply.ts'
import { jsonText, table } from './table.ts'
import { EXIT, type Verb } from './verb.ts'
import type { CliVm } from './vms.ts'
import { readProcesses, type ProcessOf } from './xml-rows.ts'

const SHORT_ID = 10

/** The processes of one container as the engine tells them now, or those of all containers by CPU as last sampled. */
export const top: Verb = async (context, { args, options }) => {
  const [word = '', container] = args
  const vm = await context.vm(word)
  const processes = container === undefined ? await sampled(context, vm) : await live(context, vm, container)
  const head = titles(processes)
  if (options['json'] === true) {
    const rows = processes.map(({ columns, ...rest }) => ({
      ...(container === undefined && rest),
      ...Object.fromEntries(columns),
    }))
    context.io.out(jsonText(rows))
    return EXIT.done
  }
  const rows = processes.map(({ container, names, columns }) => ({
    of: [names || container],
    cells: head.map((title) => columns.get(title) ?? ''),
  }))
  context.io.out(
    container === undefined
      ? table(
          ['CONTAINER', ...head],
          rows.map(({ of, cells }) => [...of, ...cells]),
        )
      : table(
          head,
          rows.map(({ cells }) => cells),
        ),
  )
  return EXIT.done
}

async function live(context: CliContext, vm: CliVm, object: string): Promise<ProcessOf[]> {
  return readProcesses(await ask(context, vm, 'get_top', { object }))
}

/** By CPU, the busiest first; what runs but was not there at the last sample is asked for, and has no CPU yet. */
async function sampled(context: CliContext, vm: CliVm): Promise<ProcessOf[]> {
  const sample = readProcesses(vm.otherConfig[KEY.top] ?? '')
  const known = new Set(sample.map(({ container }) => container))
  const processes = [...sample, ...(await missing(context, vm, known))]
  return processes
    .map((process, at) => ({ process, at, cpu: Number(process.columns.get('CPU') ?? 0) || 0 }))
    .sort((a, b) => b.cpu - a.cpu || a.at - b.at)
    .map(({ process }) => process)
}

async function missing(context: CliContext, vm: CliVm, known: ReadonlySet<string>): Promise<ProcessOf[]> {
  const found: ProcessOf[] = []
  for (const { id, names } of await running(context, vm)) {
    const container = id.slice(0, SHORT_ID)
    if (known.has(container)) continue
    found.push(...(await live(context, vm, container)).map(({ columns }) => ({ container, names, columns })))
  }
  return found
}

/** Paused containers have processes as well. */
async function running(context: CliContext, vm: CliVm): Promise<{ id: string; names: string }[]> {
  const { containers, state } = await listOf(context, vm)
  if (state !== null) return containers.filter(({ status }) => status.startsWith('Up'))
  return readStats(await ask(context, vm, 'get_stats')).containers.map(({ id, name }) => ({ id, names: name }))
}

/** All titles there are, in the order of their first appearance, without one that only repeats another. */
function titles(processes: readonly ProcessOf[]): string[] {
  const all = [...new Set(processes.flatMap(({ columns }) => [...columns.keys()]))]
  const repeats = (title: string, of: string) =>
    all.includes(of) && processes.every(({ columns }) => columns.get(title) === columns.get(of))
  return all.filter((title) => title !== 'CMD' || !['COMMAND', 'Name'].some((of) => repeats(title, of)))
}
