import { behaviourNamed } from './behaviours/index.ts'
import type { EngineOptions } from './engine-sim.ts'
import { EngineSim } from './engine-sim.ts'
import { GuestSim, type GuestOptions } from './guest-sim.ts'
import type { ContainerSpec, Health } from './sim-container.ts'

/** A guest in words that pass through JSON. */
export interface GuestSpec
  extends
    Omit<GuestOptions, 'engine' | 'exec' | 'behaviours'>,
    Pick<EngineOptions, 'flavour' | 'containers' | 'listLagMs'> {
  /** Names from behaviours/index.ts. */
  readonly behaviours?: readonly string[]
}

/** What has happened in a guest and its engine so far. */
export interface GuestReport {
  readonly port: number
  readonly hostKey: string
  readonly counters: GuestSim['counters']
  readonly requests: Readonly<Record<string, number>>
  readonly openConnections: number
  readonly eventStreams: number
  readonly containers: readonly { readonly id: string; readonly names: readonly string[]; readonly state: string }[]
}

interface Member {
  readonly guest: GuestSim
  /** How to end each behaviour that was begun by name. */
  readonly behaviours: Map<string, () => void>
}

/** Everything that can be asked of a guest by name; arguments and results pass through JSON. */
const VERBS = {
  report: ({ guest }: Member): GuestReport => reportOf(guest),
  freeze: ({ guest }: Member) => guest.freeze(),
  thaw: ({ guest }: Member) => guest.thaw(),
  refuse: ({ guest }: Member) => guest.refuse(),
  admit: ({ guest }: Member) => guest.admit(),
  dropConnections: ({ guest }: Member) => guest.dropConnections(),
  rotateHostKey: ({ guest }: Member, choice?: string) => guest.rotateHostKey(choice),
  setAuthorizedKeys: ({ guest }: Member, user: string, keys: string[]) => guest.setAuthorizedKeys(user, keys),
  behave: (member: Member, name: string) => behave(member, name),
  unbehave: ({ behaviours }: Member, name: string) => {
    behaviours.get(name)?.()
    behaviours.delete(name)
  },
  run: ({ guest }: Member, spec: ContainerSpec) => guest.engine.run(spec).id,
  startContainer: ({ guest }: Member, key: string) => guest.engine.start(key),
  stopContainer: ({ guest }: Member, key: string, exitCode?: number) => guest.engine.stop(key, exitCode),
  endContainer: ({ guest }: Member, key: string, exitCode: number) => guest.engine.end(key, exitCode),
  restartContainer: ({ guest }: Member, key: string) => guest.engine.restart(key),
  pause: ({ guest }: Member, key: string) => guest.engine.pause(key),
  unpause: ({ guest }: Member, key: string) => guest.engine.unpause(key),
  remove: ({ guest }: Member, key: string) => guest.engine.remove(key),
  rename: ({ guest }: Member, key: string, name: string) => guest.engine.rename(key, name),
  setHealth: ({ guest }: Member, key: string, health: Health) => guest.engine.setHealth(key, health),
  setCpuRate: ({ guest }: Member, key: string, rate: number) => guest.engine.setCpuRate(key, rate),
  emitEvent: ({ guest }: Member, raw: string) => guest.engine.emitEvent(raw),
  restartEngine: ({ guest }: Member) => guest.engine.restartEngine(),
  stopEngine: ({ guest }: Member) => guest.engine.stopEngine(),
  startEngine: ({ guest }: Member) => guest.engine.startEngine(),
}

export type Verbs = typeof VERBS
export type VerbName = keyof Verbs
export type VerbArgs<V extends VerbName> = Parameters<Verbs[V]> extends [Member, ...infer Rest] ? Rest : never

/** Any number of guests, each with a name, driven by words. */
export class GuestFleet {
  readonly #members = new Map<string, Member>()

  /** Starts a guest under this name; its engine has the same name. */
  async start(name: string, spec: GuestSpec): Promise<GuestReport> {
    if (this.#members.has(name)) throw new Error(`There is a guest ${name} already`)
    const { flavour, containers, listLagMs, behaviours, ...rest } = spec
    const engine = new EngineSim({
      name,
      ...(flavour === undefined ? {} : { flavour }),
      ...(containers === undefined ? {} : { containers }),
      ...(listLagMs === undefined ? {} : { listLagMs }),
    })
    const member: Member = { guest: await GuestSim.start({ ...rest, engine }), behaviours: new Map() }
    this.#members.set(name, member)
    for (const each of behaviours ?? []) behave(member, each)
    return reportOf(member.guest)
  }

  async stop(name: string): Promise<void> {
    const { guest } = this.#member(name)
    this.#members.delete(name)
    await guest.stop()
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#members.keys()].map((name) => this.stop(name)))
  }

  /** Does what the verb says to one guest. */
  async call(verb: string, name: string, args: readonly unknown[]): Promise<unknown> {
    if (verb === 'start') return this.start(name, args[0] as GuestSpec)
    if (verb === 'stop') return this.stop(name)
    const run = VERBS[verb as VerbName] as ((member: Member, ...args: readonly unknown[]) => unknown) | undefined
    if (!run) throw new Error(`No verb ${verb}; there are start, stop, ${Object.keys(VERBS).join(', ')}`)
    return run(this.#member(name), ...args)
  }

  #member(name: string): Member {
    const member = this.#members.get(name)
    if (!member) throw new Error(`No guest ${name}`)
    return member
  }
}

function behave({ guest, behaviours }: Member, name: string): void {
  behaviours.get(name)?.()
  behaviours.set(name, guest.behave(behaviourNamed(name)))
}

function reportOf(guest: GuestSim): GuestReport {
  const { engine, port, hostKey, counters } = guest
  return {
    port,
    hostKey,
    counters: { ...counters },
    requests: Object.fromEntries(engine.requests),
    openConnections: engine.openConnections,
    eventStreams: engine.eventStreams,
    containers: engine.store.all().map(({ id, names, live }) => ({ id, names, state: live.state })),
  }
}
