import { Arrivals, type ArrivalsInfo } from './arrivals.ts'
import type { Message } from './messages.ts'
import type { PlainValue } from './plain-value.ts'
import type { SimVm, VmOptions, VmPowerState } from './pool-helpers.ts'
import type { SimHost } from './sim-host.ts'
import type { SimPool } from './sim-pool.ts'
import type { ObservedWrite } from './stats.ts'

/** VmOptions as JSON: the host by its number in `hosts`, counted from 0. */
export type RemoteVmOptions = Omit<VmOptions, 'host'> & { readonly host?: number }

export type HostInfo = Omit<SimHost, 'faults' | 'pluginEnv'>

export interface StatsInfo {
  readonly calls: Readonly<Record<string, number>>
  readonly callsByHost: Readonly<Record<number, Readonly<Record<string, number>>>>
  readonly failures: Readonly<Record<string, number>>
  readonly totalCalls: number
  readonly writes: number
  readonly eventAnswers: number
  readonly eventBytes: number
  readonly answerBytes: number
  readonly userAgents: readonly string[]
  readonly originators: readonly string[]
  readonly openSessions: Readonly<Record<string, number>>
  /** Calls of event.from without an answer yet. */
  readonly waiting: number
  /** CPU of the simulator's process since its start, in microseconds. */
  readonly cpuMicros: number
}

export type RemoteFault = 'refuse' | 'hang' | 'http500' | 'loseAnswers' | 'dropConnections' | 'dropSessions' | 'clear'

/** Everything that can be done to a pool in a process of its own. Arguments and results are JSON. */
export function verbsOf(pool: SimPool) {
  const arrivals = new Arrivals(pool)
  const observed: ObservedWrite[] = []
  let stopObserving: (() => void) | undefined
  const host = (index: number) => {
    const found = pool.hosts[index]
    if (found === undefined) throw new Error(`no host ${index}`)
    return found
  }
  const withHost = ({ host: index, ...options }: RemoteVmOptions): VmOptions => {
    return index === undefined ? options : { ...options, host: host(index) }
  }
  return {
    hosts: (): HostInfo[] => pool.hosts.map(({ faults: _faults, pluginEnv: _env, ...info }) => info),
    coordinator: (): number => pool.coordinator.index,
    objects: (): { pool: string; network: string; internalNetwork: string; sr: string } => {
      const { pool: ref, network, internalNetwork, sr } = pool.objects
      return { pool: ref, network, internalNetwork, sr }
    },
    createVm: (options: RemoteVmOptions): SimVm => pool.createVm(withHost(options)),
    createVms: (all: readonly RemoteVmOptions[]): SimVm[] => all.map((options) => pool.createVm(withHost(options))),
    setPower: (vm: string, state: VmPowerState, index?: number): void =>
      pool.setPower(vm, state, index === undefined ? undefined : host(index)),
    migrate: (vm: string, index: number): void => pool.migrate(vm, host(index)),
    reboot: (vm: string): void => pool.reboot(vm),
    setAddresses: (vm: string, networks: Readonly<Record<string, string>>): void => pool.setAddresses(vm, networks),
    destroyVm: (vm: string): void => pool.destroyVm(vm),
    cloneVm: (vm: string, name: string): SimVm => pool.cloneVm(vm, name),
    snapshotVm: (vm: string, name: string): SimVm => pool.snapshotVm(vm, name),
    record: (cls: string, ref: string): Record<string, PlainValue> | null => pool.record(cls, ref) ?? null,
    otherConfig: (vm: string): Record<string, string> => pool.otherConfig(vm),
    setOtherConfigKey: (vm: string, key: string, value: string | null): void =>
      pool.setOtherConfigKey(vm, key, value ?? undefined),
    setMapKey: (cls: string, ref: string, field: string, key: string, value: string | null): void =>
      pool.setMapKey(cls, ref, field, key, value ?? undefined),
    messages: (): readonly Message[] => pool.allMessages(),
    stats: (): StatsInfo => statsOf(pool),
    resetStats: (): void => pool.stats.reset(),
    /** From here on writes are kept for takeWrites. */
    observeWrites(): void {
      stopObserving ??= pool.onWrite((write) => observed.push(write))
    },
    /** The writes since the last call, oldest first. */
    takeWrites: (): ObservedWrite[] => observed.splice(0),
    /** How many of these VMs have a value of this key that matches. */
    countShowing: (vms: readonly string[], key: string, pattern: string): number =>
      vms.filter((vm) => new RegExp(pattern).test(pool.otherConfig(vm)[key] ?? '')).length,
    /** From here on: when each of these VMs is first given a value of this key that matches. */
    awaitValues: (vms: readonly string[], key: string, pattern: string): void => arrivals.start(vms, key, pattern),
    /** How many have not been given one yet, and for the others when, milliseconds since the epoch. */
    arrivals: (): ArrivalsInfo => arrivals.info(),
    fault: async (index: number, fault: RemoteFault): Promise<void> => {
      await host(index).faults[fault]()
    },
    slow: (index: number, ms: number): void => host(index).faults.slow(ms),
    setPluginEnv: (index: number, env: Readonly<Record<string, string>>): void => {
      Object.assign(host(index).pluginEnv, env)
    },
    restart: (downMs?: number): Promise<void> => pool.restart(downMs),
    flush: (): void => pool.flush(),
    crashRestart: (downMs?: number): Promise<void> => pool.crashRestart(downMs),
    changeCoordinator: (index: number, downMs?: number): Promise<void> => pool.changeCoordinator(host(index), downMs),
    stop: (): Promise<void> => pool.stop(),
  }
}

export type Verbs = ReturnType<typeof verbsOf>

function statsOf(pool: SimPool): StatsInfo {
  const { userAgents, originators, ...counts } = pool.stats
  const cpu = process.cpuUsage()
  return {
    ...counts,
    totalCalls: pool.stats.totalCalls,
    userAgents: [...userAgents],
    originators: [...originators],
    openSessions: pool.openSessions(),
    waiting: pool.waiting,
    cpuMicros: cpu.user + cpu.system,
  }
}
