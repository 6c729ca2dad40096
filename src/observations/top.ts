import { DeadlineError, DiagnosedError } from '../base/errors.ts'
import { ConnectionLostError } from '../engine/errors.ts'
import type { Engine } from '../engine/engine.ts'
import { KEY } from '../model/fields.ts'
import { shortId } from '../documents/container-entry.ts'
import type { ObserveContext, Observation } from './observation.ts'
import { readProcesses, type ProcessRow } from '../documents/process-row.ts'
import { XmlPage } from '../documents/xml.ts'

const MAX_CONTAINERS = 200
const MAX_PROCESSES = 512
/** Of all containers together; what is beyond fits into no document. */
const MAX_TOTAL = 4_096
/** How many processes per container are shown: the first of these with which all containers fit. */
const SHOWN = [MAX_PROCESSES, 64, 16, 4, 1]
/** A container whose processes cannot be read may cost one deadline; an engine that hangs must not cost all of them. */
const MAX_DEADLINES = 2
const MAX_CPU_PERCENT = 100_000

/** The processes of all running containers at one time. */
export interface TopSample {
  readonly atMs: number
  readonly containers: readonly ContainerTop[]
  /** Running containers that were not looked at because there are too many. */
  readonly left: number
}

export interface ContainerTop {
  readonly id: string
  readonly names: string
  readonly processes: readonly SampledProcess[]
}

export interface SampledProcess extends ProcessRow {
  /** Percent of one CPU since the sample before. */
  readonly cpu: number
}

export const top: Observation<TopSample> = {
  key: KEY.top,
  cadence: 'sampling',
  minGapMs: 0,

  dueAfter() {
    return false
  },

  async observe(engine, context, signal) {
    const ids = context.running.slice(0, MAX_CONTAINERS)
    const containers: ContainerTop[] = []
    const deadlines: DeadlineError[] = []
    let room = MAX_TOTAL
    for (const id of ids) {
      const rows = await processesOf(engine, id, Math.min(MAX_PROCESSES, room), deadlines, signal)
      if (rows === undefined) continue
      room -= rows.length
      containers.push({ id, names: context.names?.get(id) ?? '', processes: withCpu(id, rows, context) })
    }
    return { atMs: context.monotonicMs, containers, left: context.running.length - ids.length }
  },

  prune: pruneTop,

  encode(sample, budgetBytes) {
    for (const shown of SHOWN) {
      const page = new XmlPage(KEY.top, budgetBytes)
      const elements = sample.containers.map((container) => page.element('item', itemOf(container, shown)))
      const fitting = elements.filter((element) => element !== undefined)
      const left = elements.length - fitting.length
      if (left === 0 || shown === SHOWN.at(-1)) return page.document(fitting, left + sample.left)
    }
    throw new Error('unreachable: the last step always returns')
  },
}

/** The sample without containers that no longer run; the same one when all do. */
export function pruneTop(sample: TopSample, runningIds: ReadonlySet<string>): TopSample {
  const containers = sample.containers.filter(({ id }) => runningIds.has(id))
  return containers.length === sample.containers.length ? sample : { ...sample, containers }
}

/** Undefined for a container that cannot be looked into, because it stopped meanwhile for example. */
async function processesOf(
  engine: Engine,
  id: string,
  max: number,
  deadlines: DeadlineError[],
  signal: AbortSignal,
): Promise<ProcessRow[] | undefined> {
  try {
    return readProcesses(await engine.top(id, signal), max)
  } catch (error) {
    if (error instanceof DeadlineError) deadlines.push(error)
    const hopeless = error instanceof ConnectionLostError || deadlines.length >= MAX_DEADLINES
    if (!(error instanceof DiagnosedError) || hopeless) throw error
    return undefined
  }
}

/**
 * A process is the same when container, PID and command are, and its time has not gone back. Engines tell whole
 * seconds, so the figure moves in steps of 100 / (seconds between the samples) percent.
 */
function withCpu(id: string, rows: readonly ProcessRow[], context: ObserveContext<TopSample>): SampledProcess[] {
  const elapsed = (context.monotonicMs - (context.previous?.atMs ?? context.monotonicMs)) / 1000
  const before = context.previous?.containers.find((container) => container.id === id)?.processes ?? []
  const seconds = new Map(before.map((row) => [identity(row), row.seconds]))
  return rows.map((row) => {
    const used = (row.seconds ?? 0) - (seconds.get(identity(row)) ?? row.seconds ?? 0)
    const cpu = elapsed > 0 && used > 0 ? Math.min((used / elapsed) * 100, MAX_CPU_PERCENT) : 0
    return { ...row, cpu: Math.round(cpu * 10) / 10 }
  })
}

function identity({ pid, cmd }: ProcessRow): string {
  return `${pid} ${cmd}`
}

/** Of too many processes the busiest are shown, in the engine's order. */
function itemOf({ id, names, processes }: ContainerTop, shown: number): unknown {
  const busiest = new Set(processes.toSorted(byUse).slice(0, shown))
  const left = processes.length - busiest.size
  return {
    container: shortId(id),
    names,
    processes: processes.filter((row) => busiest.has(row)).map((row) => ({ Process: processOf(row) })),
    ...(left > 0 && { truncated: left }),
  }
}

function byUse(a: SampledProcess, b: SampledProcess): number {
  return b.cpu - a.cpu || (b.seconds ?? 0) - (a.seconds ?? 0)
}

function processOf({ pid, ppid, user, time, cpu, cmd }: SampledProcess): unknown {
  return { PID: pid, PPID: ppid, USER: user, TIME: time, CPU: cpu.toFixed(1), CMD: cmd }
}
