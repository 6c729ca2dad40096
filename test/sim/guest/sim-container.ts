import { createHash } from 'node:crypto'
import { ContainerLog } from './container-log.ts'

export type ContainerState = 'created' | 'running' | 'paused' | 'restarting' | 'exited' | 'dead'
export type Health = 'starting' | 'healthy' | 'unhealthy'

export interface SimPort {
  readonly ip?: string
  readonly privatePort: number
  readonly publicPort?: number
  readonly type?: 'tcp' | 'udp' | 'sctp'
}

export interface SimMount {
  readonly type?: 'bind' | 'volume' | 'tmpfs'
  readonly name?: string
  readonly source: string
  readonly destination: string
  readonly rw?: boolean
}

export interface ProcessSpec {
  readonly pid?: number
  readonly ppid?: number
  readonly user?: string
  readonly command?: string
  /** CPU seconds it has used when the container starts. */
  readonly cpuSeconds?: number
  /** CPU seconds per second while the container runs: 0.5 is half of one CPU. */
  readonly cpuRate?: number
}

/** What a test says of a container; all is optional. */
export interface ContainerSpec {
  readonly id?: string
  readonly name?: string
  /** The raw list, slashes and all, in place of `name`: several names, link names, or none. */
  readonly names?: readonly string[]
  readonly image?: string
  readonly command?: string
  readonly state?: ContainerState
  readonly exitCode?: number
  /** Exit code that a stop leaves behind; 137 is what a process that ignores SIGTERM gets. */
  readonly stopExitCode?: number
  readonly health?: Health
  readonly ports?: readonly SimPort[]
  readonly labels?: Readonly<Record<string, string>>
  readonly mounts?: readonly SimMount[]
  readonly processes?: readonly ProcessSpec[]
  /** Network names and the address in each. */
  readonly networks?: Readonly<Record<string, string>>
  /** With a terminal: its log has no frames. */
  readonly tty?: boolean
  /** What it has printed, one entry each. */
  readonly log?: readonly string[]
  /** It has printed without end, and nothing that is text. */
  readonly endlessLog?: boolean
  /** How long ago it was created and started, milliseconds. */
  readonly ageMs?: number
}

/** The part of a container that changes with its life; one for the truth, one as the list shows it. */
export interface Phase {
  readonly state: ContainerState
  readonly exitCode: number
  readonly startedMs: number
  readonly finishedMs: number
  readonly health: Health | undefined
}

export interface SimProcess {
  readonly pid: number
  readonly ppid: number
  readonly user: string
  readonly command: string
  cpuSeconds: number
  cpuRate: number
}

export interface SimContainer {
  readonly id: string
  readonly createdMs: number
  readonly spec: ContainerSpec
  readonly log: ContainerLog
  names: string[]
  image: string
  command: string
  live: Phase
  listed: Phase
  processes: SimProcess[]
  /** Until when the processes' CPU seconds are counted, engine time. */
  cpuCountedMs: number
  /** Up to 1,000 are given out per container. */
  firstPid: number
  restarts: number
}

/** A container as its engine holds it. `serial` gives it an id and pids that no other container of the engine has. */
export function makeContainer(spec: ContainerSpec, engine: string, serial: number, now: number): SimContainer {
  const createdMs = now - (spec.ageMs ?? 0)
  const state = spec.state ?? 'running'
  const began = state === 'created' ? 0 : createdMs
  const phase: Phase = {
    state,
    exitCode: spec.exitCode ?? 0,
    startedMs: began,
    finishedMs: state === 'exited' || state === 'dead' || state === 'restarting' ? now : 0,
    health: spec.health,
  }
  const container: SimContainer = {
    id: spec.id ?? createHash('sha256').update(`${engine} ${serial} ${spec.name}`).digest('hex'),
    createdMs,
    spec,
    log: new ContainerLog(),
    names: spec.names ? [...spec.names] : [`/${spec.name ?? `container_${serial}`}`],
    image: spec.image ?? 'busybox:latest',
    command: spec.command ?? 'sleep 1000',
    live: phase,
    listed: phase,
    processes: [],
    cpuCountedMs: began,
    firstPid: 1000 + serial * 1000,
    restarts: 0,
  }
  container.processes = freshProcesses(container)
  for (const text of spec.log ?? []) container.log.print(text, 'out', now)
  return container
}

/** The processes of a container that has just started, with their first CPU seconds. */
export function freshProcesses(container: SimContainer): SimProcess[] {
  const specs = container.spec.processes ?? [{}]
  const first = container.firstPid + container.restarts * 10
  return specs.map((spec, i) => ({
    pid: spec.pid ?? first + i,
    ppid: spec.ppid ?? (i === 0 ? first - 20 : first),
    user: spec.user ?? 'root',
    command: spec.command ?? container.command,
    cpuSeconds: spec.cpuSeconds ?? 0,
    cpuRate: spec.cpuRate ?? 0,
  }))
}

/** Adds the CPU seconds used since the last count. Paused and ended containers use none. */
export function countCpu(container: SimContainer, now: number): void {
  if (container.live.state === 'running') {
    const seconds = Math.max(0, now - container.cpuCountedMs) / 1000
    for (const process of container.processes) process.cpuSeconds += seconds * process.cpuRate
  }
  container.cpuCountedMs = now
}
