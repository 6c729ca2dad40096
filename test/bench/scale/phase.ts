import { statSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { cpuSeconds, peakMb, rssMb } from '../process-meter.ts'
import { askProbe, type LoopReport } from './ask-probe.ts'
import type { Fleet } from './fleet.ts'
import { sshCounts, type SshCounts } from './ssh-counts.ts'
import { phaseRow } from './table.ts'

const MOST_UNQUIET = 15

/** What one phase took and caused. Times are wall time on a machine that all parts share, but for `cpuS`. */
export interface PhaseFigures {
  readonly phase: string
  readonly wallS: number
  /** Of the daemon, user and system. */
  readonly cpuS: number
  readonly rssMb: number
  readonly peakMb: number
  readonly loop: LoopReport
  readonly calls: Readonly<Record<string, number>>
  /** Calls that changed a field. */
  readonly writes: number
  /** What event.from sent to the daemon; any other client of XAPI that follows VMs is sent as much. */
  readonly eventMb: number
  readonly ssh: SshCounts
  readonly logBytes: number
  /** Until all VMs were right, and how long each took, milliseconds; undefined where nothing was to become right. */
  readonly rightMs: readonly number[] | undefined
  readonly notes: Readonly<Record<string, number>>
}

/** What a phase's work may tell besides what is measured around it. */
export interface PhaseResult {
  readonly rightMs?: readonly number[]
  readonly notes?: Readonly<Record<string, number>>
}

/** Runs phases with the daemon of one host and keeps what they took. */
export class Phases {
  readonly figures: PhaseFigures[] = []
  readonly #fleet: Fleet
  /** Where a CPU profile of each phase goes; undefined: nowhere. */
  readonly #profiles: string | undefined

  constructor(fleet: Fleet, profiles: string | undefined) {
    this.#fleet = fleet
    this.#profiles = profiles
  }

  async run(phase: string, pid: number, work: () => Promise<PhaseResult>): Promise<PhaseFigures> {
    const { pool, dir } = this.#fleet
    say(phase)
    const probe = this.#fleet.probeOf(0)
    const before = { ssh: await sshCounts(this.#fleet), log: sizeOf(`${dir}/daemon-0.log`) }
    await pool.call('resetStats')
    // Starts the kernel's record of the highest resident memory anew (proc(5), clear_refs).
    writeFileSync(`/proc/${pid}/clear_refs`, '5')
    if (this.#profiles !== undefined) await askProbe(probe, 'cpu-start')
    await askProbe(probe, 'watch')
    const [startedAt, cpu] = [performance.now(), cpuSeconds(pid)]
    const { rightMs, notes = {} } = await work()
    const took = { wallS: (performance.now() - startedAt) / 1000, cpuS: cpuSeconds(pid) - cpu }
    const loop = await askProbe(probe, 'read')
    if (this.#profiles !== undefined) {
      await askProbe(probe, 'cpu-stop', `${this.#profiles}/${phase.replace(/\W+/g, '-')}.cpuprofile`)
    }
    const { calls, writes, eventBytes } = await pool.call('stats')
    const figures: PhaseFigures = {
      phase,
      ...took,
      rssMb: rssMb(pid),
      peakMb: peakMb(pid),
      loop,
      calls,
      writes,
      eventMb: eventBytes / 1e6,
      ssh: difference(before.ssh, await sshCounts(this.#fleet)),
      logBytes: sizeOf(`${dir}/daemon-0.log`) - before.log,
      rightMs,
      notes,
    }
    this.figures.push(figures)
    // A run takes long: what has been measured is there, whatever becomes of the rest.
    say(`${phaseRow(figures)} ${JSON.stringify(notes)}`)
    return figures
  }
}

/**
 * Waits until a value of this key that matches has been written to all these VMs, but not for longer than that; how long
 * each took after `since`, Infinity for those that still wait.
 */
export async function untilWritten(fleet: Fleet, since: number, seconds: number): Promise<number[]> {
  const end = performance.now() + seconds * 1000
  for (;;) {
    const { waiting, at } = await fleet.pool.call('arrivals')
    if (waiting === 0) return at.map((time) => time - since)
    if (performance.now() > end) {
      say(`not within ${seconds} s: ${waiting} VMs still wait`)
      return [...at.map((time) => time - since), ...Array.from({ length: waiting }, () => Infinity)]
    }
    await sleep(100)
  }
}

/** Waits until the daemon has used next to no CPU for some seconds; a profiler, or a busy machine, may never let it be. */
export async function untilQuiet(pid: number, seconds = 3): Promise<void> {
  for (let i = 0; i < MOST_UNQUIET; i++) {
    const before = cpuSeconds(pid)
    await sleep(seconds * 1000)
    if (cpuSeconds(pid) - before < seconds * 0.05) return
  }
}

function difference(before: SshCounts, after: SshCounts): SshCounts {
  const keys = Object.keys(after) as (keyof SshCounts)[]
  return Object.fromEntries(keys.map((key) => [key, after[key] - before[key]])) as unknown as SshCounts
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}

export function say(what: string): void {
  process.stderr.write(`bench-scale: ${process.uptime().toFixed(0)} s: ${what}\n`)
}
