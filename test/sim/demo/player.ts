import type { Clock } from '../../../src/base/clock.ts'
import type { PoolView } from './pool-view.ts'
import type { Scene, Shown } from './scenes.ts'

/** How long XAPI may take to show anything before that counts as failed. */
const LATEST_MS = 30_000

/** A scene that has begun. */
export interface Play {
  readonly text: string
  readonly kind: Scene['kind'] | 'start'
  readonly beganMs: number
  /** From the change until a client of XAPI saw it, milliseconds; undefined while it has not. */
  tookMs: number | undefined
  failed: boolean
}

export interface PlayerDeps {
  readonly clock: Clock
  readonly view: PoolView
  readonly signal: AbortSignal
  /** Called when a scene begins and when XAPI shows it. */
  readonly onPlay: (play: Play) => void
}

/** Lets scenes happen at their times and measures when XAPI shows each. */
export class Player {
  readonly plays: Play[] = []
  readonly #deps: PlayerDeps

  constructor(deps: PlayerDeps) {
    this.#deps = deps
  }

  /** Plays a story with its times multiplied by `pace`. What happens to one VM happens one after the other. */
  async story(scenes: readonly Scene[], pace: number): Promise<void> {
    const { clock, signal } = this.#deps
    const began = clock.monotonic()
    const turns = new Map<string, Promise<Play | undefined>>()
    for (const scene of scenes) {
      const before = turns.get(scene.vm) ?? Promise.resolve(undefined)
      const turn = before.then(async (previous) => {
        await clock.sleep(Math.max(0, began + scene.at * 1000 * pace - clock.monotonic()), signal)
        return this.#scene(scene, previous)
      })
      turns.set(scene.vm, turn)
    }
    await Promise.all(turns.values())
  }

  /** Something that happens now, to all of these VMs; `act` says when one of them shows it. */
  async play(text: string, kind: Play['kind'], vms: readonly string[], act: () => Shown | Promise<Shown>) {
    return this.#measure({ text, kind, vms, beganMs: this.#deps.clock.monotonic() }, act)
  }

  /** The end of a grace is measured from what it began with. */
  #scene(scene: Scene, previous: Play | undefined): Promise<Play> {
    const beganMs = scene.kind === 'grace' && previous ? previous.beganMs : this.#deps.clock.monotonic()
    return this.#measure({ ...scene, vms: [scene.vm], beganMs }, () => scene.act())
  }

  async #measure(
    { vms, ...what }: Pick<Play, 'text' | 'kind' | 'beganMs'> & { readonly vms: readonly string[] },
    act: () => Shown | Promise<Shown>,
  ): Promise<Play> {
    const { clock, view, onPlay, signal } = this.#deps
    const { text, kind, beganMs } = what
    const play: Play = { text, kind, beganMs, tookMs: undefined, failed: false }
    this.plays.push(play)
    onPlay(play)
    const shown = await act()
    const isShown = () => vms.every((name) => view.vm(name) !== undefined && shown(view.vm(name)!))
    play.failed = !(await this.#until(isShown))
    signal.throwIfAborted()
    play.tookMs = clock.monotonic() - beganMs
    onPlay(play)
    return play
  }

  /** Looks after each of XAPI's answers; false when it has not come true in time, or the demo stops. */
  #until(holds: () => boolean): Promise<boolean> {
    const { clock, view, signal } = this.#deps
    if (holds()) return Promise.resolve(true)
    return new Promise((resolve) => {
      const end = (result: boolean) => {
        cancel()
        forget()
        signal.removeEventListener('abort', onAbort)
        resolve(result)
      }
      const onAbort = () => end(false)
      const cancel = clock.after(LATEST_MS, () => end(false))
      const forget = view.onChange(() => holds() && end(true))
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }
}
