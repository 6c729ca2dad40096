import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { GuestReport, GuestSpec, VerbArgs, VerbName, Verbs } from './guest-fleet.ts'

interface Waiter {
  resolve(value: unknown): void
  reject(error: Error): void
}

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const MAIN = fileURLToPath(new URL('./guest-process.ts', import.meta.url))

/** A process full of guests, driven from here with the verbs of guest-fleet.ts. */
export class GuestProcess {
  readonly #child: ChildProcess
  readonly #waiters = new Map<number, Waiter>()
  #serial = 0

  constructor() {
    this.#child = fork(MAIN, {
      cwd: ROOT,
      execArgv: ['--import', 'tsx'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    this.#child.on('message', (answer) => this.#settle(answer as { id: number; value?: unknown; error?: string }))
    this.#child.on('exit', (code) => this.#fail(new Error(`the process with the guests has ended, code ${code}`)))
  }

  /** For measuring what the guests themselves cost. */
  get pid(): number | undefined {
    return this.#child.pid
  }

  start(guest: string, spec: GuestSpec): Promise<GuestReport> {
    return this.#ask('start', guest, [spec]) as Promise<GuestReport>
  }

  stopGuest(guest: string): Promise<void> {
    return this.#ask('stop', guest, []) as Promise<void>
  }

  call<V extends VerbName>(verb: V, guest: string, ...args: VerbArgs<V>): Promise<Awaited<ReturnType<Verbs[V]>>> {
    return this.#ask(verb, guest, args) as Promise<Awaited<ReturnType<Verbs[V]>>>
  }

  /** Ends the process and all its guests. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.disconnect()
    await exited
  }

  #ask(verb: string, guest: string, args: readonly unknown[]): Promise<unknown> {
    const id = ++this.#serial
    return new Promise((resolve, reject) => {
      this.#waiters.set(id, { resolve, reject })
      this.#child.send({ id, verb, guest, args }, (error) => error && this.#settle({ id, error: error.message }))
    })
  }

  #settle(answer: { id: number; value?: unknown; error?: string }): void {
    const waiter = this.#waiters.get(answer.id)
    this.#waiters.delete(answer.id)
    if (answer.error === undefined) waiter?.resolve(answer.value)
    else waiter?.reject(new Error(answer.error))
  }

  #fail(error: Error): void {
    for (const waiter of this.#waiters.values()) waiter.reject(error)
    this.#waiters.clear()
  }
}
