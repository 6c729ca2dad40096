import type { Clock } from '../../base/clock.ts'
import { linked } from '../../base/deadline.ts'
import { StoppedError } from '../../base/errors.ts'
import { Gate } from '../../base/gate.ts'
import { callControl, ControlUnavailable } from '../../control/client.ts'
import type { ListedVm } from '../../operations/list-document.ts'
import { needsMonitor } from './ask.ts'
import type { CliContext } from './context.ts'
import { readList } from './list-reply.ts'
import { readStats, type Stats } from './stats-reply.ts'
import type { Terminal } from './terminal.ts'
import { EXIT, type Verb } from './verb.ts'
import { watchScreen, watchTables, type SortKey, type WatchState } from './watch-screen.ts'

const EVERY_MS = 2000
/** Guests asked for figures at the same time. */
const AT_ONCE = 4

/** A live screen of VMs and containers until `q`; their tables, once, where there is no terminal. */
export const watch: Verb = async (context, { args: [word] }) => {
  const only = word === undefined ? undefined : (await context.vm(word)).uuid
  const monitor = new Monitor(context, (await context.config()).control.socket, only)
  if (!context.io.terminal.outputIsTerminal || !context.io.terminal.inputIsTerminal) {
    await monitor.look(context.signal)
    const { vms, containers } = watchTables({ ...monitor, sort: 'cpu', reversed: false })
    context.io.out(`${vms}\n${containers}`)
    return EXIT.done
  }
  await new Screen(context.io.terminal, monitor, context.clock).run(context.signal)
  return EXIT.done
}

/** What the monitor of this host tells of VMs and what their containers use. */
class Monitor {
  readonly #context: CliContext
  readonly #socket: string
  readonly #only: string | undefined
  readonly #gate = new Gate(AT_ONCE)
  vms: readonly ListedVm[] = []
  stats = new Map<string, readonly Stats[]>()

  constructor(context: CliContext, socket: string, only: string | undefined) {
    this.#context = context
    this.#socket = socket
    this.#only = only
  }

  /** Asks for the list, then for the figures; `changed` is told whenever there is something new to show. */
  async look(signal: AbortSignal, changed: () => void = () => undefined): Promise<void> {
    const all = readList(await this.#ask('list', {}, signal))
    this.vms = all.filter(({ uuid }) => this.#only === undefined || uuid === this.#only)
    const here = new Set(this.vms.map(({ uuid }) => uuid))
    for (const uuid of this.stats.keys()) if (!here.has(uuid)) this.stats.delete(uuid)
    changed()
    const busy = this.vms.filter(({ containers }) => containers.some(({ status }) => status.startsWith('Up')))
    await Promise.all(busy.map(({ uuid }) => this.#gate.pass(signal, () => this.#lookAt(uuid, signal, changed))))
  }

  /** A guest that does not answer shows no figures; the list tells why. */
  async #lookAt(uuid: string, signal: AbortSignal, changed: () => void): Promise<void> {
    try {
      this.stats.set(uuid, readStats(await this.#ask('get_stats', { vmuuid: uuid }, signal)).containers)
    } catch (error) {
      if (signal.aborted || error instanceof ControlUnavailable) throw error
      this.stats.delete(uuid)
    }
    changed()
  }

  async #ask(operation: string, args: Readonly<Record<string, string>>, signal: AbortSignal): Promise<string> {
    try {
      return await callControl(this.#context, this.#socket, operation, args, signal)
    } catch (error) {
      throw error instanceof ControlUnavailable ? needsMonitor(error, 'watch') : error
    }
  }
}

const SORTS: Readonly<Record<string, SortKey>> = { c: 'cpu', m: 'memory', n: 'name', v: 'vm' }
const CTRL_C = '\u0003'

class Screen {
  readonly #terminal: Terminal
  readonly #monitor: Monitor
  readonly #clock: Clock
  #sort: SortKey = 'cpu'
  #reversed = false

  constructor(terminal: Terminal, monitor: Monitor, clock: Clock) {
    this.#terminal = terminal
    this.#monitor = monitor
    this.#clock = clock
  }

  /** Until `q`, or until the monitor does not answer any more, which rejects. The terminal is as before afterwards. */
  async run(parent: AbortSignal): Promise<void> {
    const restore = this.#terminal.screen()
    const unfollow = this.#terminal.onResize(() => this.#draw())
    try {
      await linked(parent, async (signal, abort) => {
        void this.#keys(() => abort(new StoppedError('quit')))
        for (;;) {
          await this.#monitor.look(signal, () => this.#draw())
          await this.#clock.sleep(EVERY_MS, signal)
        }
      })
    } catch (error) {
      if (!(error instanceof StoppedError) || parent.aborted) throw error
    } finally {
      unfollow()
      restore()
    }
  }

  async #keys(quit: () => void): Promise<void> {
    for await (const typed of this.#terminal.input()) {
      for (const key of typed.toString('latin1')) {
        if (key === 'q' || key === CTRL_C) return quit()
        if (key === 'r') this.#reversed = !this.#reversed
        this.#sort = Object.hasOwn(SORTS, key) ? SORTS[key]! : this.#sort
      }
      this.#draw()
    }
    quit()
  }

  /** Each line is written over the old one, so that nothing flickers. */
  #draw(): void {
    const { vms, stats } = this.#monitor
    const state: WatchState = { vms, stats, sort: this.#sort, reversed: this.#reversed }
    const lines = watchScreen(state, this.#terminal.size()).map((line) => `${line}\u001B[K`)
    void this.#terminal.write('out', `\u001B[H${lines.join('\r\n')}\u001B[J`)
  }
}
