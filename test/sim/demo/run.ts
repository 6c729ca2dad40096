import { systemClock } from '../../../src/base/clock.ts'
import { asError } from '../../../src/base/errors.ts'
import type { World } from '../../scenarios/world.ts'
import { changesOf, type Change } from './changes.ts'
import { checkRunning, checkStopped, type Check } from './checks.ts'
import { NEWCOMER, startPool } from './demo-pool.ts'
import type { Moment } from './frame.ts'
import { Player, type Play } from './player.ts'
import { PoolView } from './pool-view.ts'
import { SHORT_STORY_S, shortStory, story, STORY_S } from './story.ts'
import type { Result } from './summary.ts'
import type { VmView } from './vm-view.ts'

/** Checking and stopping take about this long. */
const END_S = 1
/** The story gets this much even if the start took long, seconds. */
const LEAST_S = 5
/** Shorter runs tell the short story. */
const FULL_FROM_S = 20
const FRESH_MS = 1500

export interface RunOptions {
  readonly seconds: number
  readonly port: number
  readonly onPlay: (play: Play) => void
  readonly onChange: (change: Change) => void
  /** Called once there is something to look at; `now` gives what is to be seen at any time. */
  readonly onStart: (now: () => Moment) => void
}

/** One demo from start to end. Leaves no process and no file behind, however it ends. */
export async function runDemo(options: RunOptions, signal: AbortSignal): Promise<Result> {
  const full = options.seconds >= FULL_FROM_S
  const graceS = full ? 5 : 10
  const world = await startPool({ port: options.port, graceS, sampleEveryS: full ? 5 : 2 })
  const demo = new Demo(world, options, graceS, signal)
  try {
    signal.throwIfAborted()
    const result = await demo.run()
    return { ...result, checks: [...result.checks, await demo.end()] }
  } catch (error) {
    await demo.end()
    throw error
  }
}

class Demo {
  readonly #world: World
  readonly #options: RunOptions
  readonly #signal: AbortSignal
  readonly #view: PoolView
  readonly #player: Player
  readonly #graceMs: number
  readonly #writes = new Map<string, number>()
  readonly #seen = new Map<string, VmView>()
  readonly #changedMs = new Map<string, number>()
  readonly #beganMs = systemClock.monotonic()
  readonly #broken: string[] = []

  constructor(world: World, options: RunOptions, graceS: number, signal: AbortSignal) {
    this.#world = world
    this.#options = options
    this.#signal = signal
    this.#graceMs = graceS * 1000
    this.#view = new PoolView(world.pool.hosts[0]!.socketPath)
    this.#player = new Player({ clock: systemClock, view: this.#view, signal, onPlay: options.onPlay })
  }

  async run(): Promise<Result> {
    const { seconds, onStart } = this.#options
    this.#world.pool.onWrite(({ key }) => this.#writes.set(key, (this.#writes.get(key) ?? 0) + 1))
    this.#view.onChange(() => this.#noteChanges())
    this.#view.start((error) => this.#broken.push(asError(error).message))
    onStart(() => this.#moment())
    const names = this.#world.guests.map(({ name }) => name).filter((name) => name !== NEWCOMER)
    await this.#player.play('a daemon starts on each host', 'start', names, async () => {
      for (const host of this.#world.pool.hosts) await this.#world.startDaemon(host)
      return (vm) => vm.state === 'monitored' && vm.hasTop
    })
    await this.#tell(Math.max(LEAST_S, seconds - END_S - this.#elapsedS()))
    const running = await checkRunning(this.#world, this.#player.plays)
    await this.#view.stop()
    this.#signal.throwIfAborted()
    const stopped = await checkStopped(this.#world)
    const read = { name: 'XAPI always gave an answer', wrong: this.#broken }
    const checks = [...running, read, ...stopped]
    return { plays: this.#player.plays, checks, writes: this.#writes, seconds: this.#elapsedS() }
  }

  /** The story, as often as it fits into the time and stretched to fill it. */
  async #tell(seconds: number): Promise<void> {
    const end = systemClock.monotonic() + seconds * 1000
    if (this.#options.seconds < FULL_FROM_S) {
      await this.#player.story(shortStory(this.#world, this.#view), seconds / SHORT_STORY_S)
    } else {
      const rounds = Math.max(1, Math.floor(seconds / STORY_S))
      for (let round = 1; round <= rounds; round++) {
        const share = (end - systemClock.monotonic()) / 1000 / (rounds - round + 1)
        const until = systemClock.monotonic() + share * 1000
        await this.#player.story(story(this.#world, this.#view, round), share / STORY_S)
        await this.#sleepUntil(until)
      }
    }
    await this.#sleepUntil(end)
  }

  /** Ends everything; whether the daemons' logs are as they should be. Never rejects. */
  async end(): Promise<Check> {
    await this.#view.stop()
    await Promise.all(this.#world.daemons.filter(({ running }) => running).map((daemon) => daemon.terminate(3)))
    const wrong = await this.#world.stop().then(
      () => [],
      (error: unknown) => [asError(error).message],
    )
    return { name: 'no defect and no secret is in their logs', wrong }
  }

  #noteChanges(): void {
    for (const vm of this.#view.vms()) {
      for (const change of changesOf(this.#seen.get(vm.name), vm)) {
        if (this.#seen.has(vm.name)) this.#changedMs.set(change.what, systemClock.monotonic())
        this.#options.onChange(change)
      }
      this.#seen.set(vm.name, vm)
    }
  }

  #moment(): Moment {
    const nowMs = systemClock.monotonic()
    return {
      vms: this.#view.vms(),
      plays: this.#player.plays,
      nowMs,
      elapsedS: this.#elapsedS(),
      totalS: this.#options.seconds,
      writes: this.#world.pool.stats.writes,
      graceLeftS: (vm) => {
        const lostMs = this.#view.lostMs(vm)
        return lostMs === undefined ? undefined : (lostMs + this.#graceMs - systemClock.now()) / 1000
      },
      fresh: (what) => nowMs - (this.#changedMs.get(what) ?? -Infinity) < FRESH_MS,
    }
  }

  #elapsedS(): number {
    return (systemClock.monotonic() - this.#beganMs) / 1000
  }

  #sleepUntil(ms: number): Promise<void> {
    return systemClock.sleep(Math.max(0, ms - systemClock.monotonic()), this.#signal)
  }
}
