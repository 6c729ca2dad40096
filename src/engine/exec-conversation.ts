import { setMaxListeners } from 'node:events'
import type { Duplex } from 'node:stream'
import { DeadlineError, DiagnosedError } from '../base/errors.ts'
import type { Conversation } from './conversation.ts'
import type { EngineCalls } from './engine-calls.ts'
import { ConnectionLostError } from './errors.ts'
import type { Lifetime } from './lifetime.ts'
import { readOutput } from './read-output.ts'
import { anObject, type Json } from './replies.ts'
import type { Hijacked } from './stream-modem.ts'

/** Engines tell of the end of the output shortly before they tell the exit code. */
const EXIT_CODE_TRIES = 40
/** A terminal cannot be resized before its command runs, which is shortly after the engine has answered. */
const RESIZE_TRIES = 5
const AGAIN_MS = 100

/** A command that was started in a container. */
export class ExecConversation implements Conversation {
  readonly output: Conversation['output']
  readonly #calls: EngineCalls
  readonly #path: string
  readonly #sink: Duplex
  readonly #life: Lifetime
  readonly #tty: boolean

  /** `id`: the engine's, of the command. */
  constructor(calls: EngineCalls, id: string, tty: boolean, { source, sink }: Hijacked, life: Lifetime) {
    this.#calls = calls
    this.#path = `/exec/${id}`
    this.#tty = tty
    this.#sink = sink
    this.#life = life
    setMaxListeners(0, sink)
    if (life.signal.aborted) sink.destroy()
    else life.signal.addEventListener('abort', () => sink.destroy(), { once: true })
    this.output = readOutput(`POST ${this.#path}/start`, !tty, life, () => Promise.resolve(source))
  }

  write(data: Buffer): Promise<void> {
    const sink = this.#sink
    return new Promise((resolve) => {
      if (!sink.writable) return resolve()
      // Not all streams call back for what they had not sent when they closed.
      sink.once('close', resolve)
      sink.write(data, () => {
        sink.off('close', resolve)
        resolve()
      })
    })
  }

  end(): void {
    if (this.#sink.writable) this.#sink.end()
  }

  async resize(columns: number, rows: number): Promise<void> {
    const { clock } = this.#calls
    const { signal } = this.#life
    for (let tries = 1; this.#tty && !this.#life.ended; tries++) {
      try {
        return await this.#resize(columns, rows)
      } catch (error) {
        if (this.#life.ended) return
        if (!isAnswer(error) || tries === RESIZE_TRIES) throw error
      }
      await clock.sleep(AGAIN_MS, signal)
    }
  }

  async exitCode(signal: AbortSignal): Promise<number | undefined> {
    for (let tries = 1; tries <= EXIT_CODE_TRIES; tries++) {
      const { Running, ExitCode } = await this.#inspect(signal)
      if (Running !== true) return Number.isSafeInteger(ExitCode) ? (ExitCode as number) : undefined
      await this.#calls.clock.sleep(AGAIN_MS, signal)
    }
    return undefined
  }

  close(): void {
    this.#life.end()
  }

  async #resize(columns: number, rows: number): Promise<void> {
    const path = `${this.#path}/resize?`
    const statusCodes = { 200: true, 201: true, 204: true }
    const dial = { method: 'POST', path, options: { h: rows, w: columns }, statusCodes }
    const name = `POST ${this.#path}/resize`
    await this.#calls.call(name, this.#life.signal, (_docker, own) => this.#calls.dial(dial, own))
  }

  async #inspect(signal: AbortSignal): Promise<Json> {
    const path = `${this.#path}/json`
    const name = `GET ${path}`
    const dial = { method: 'GET', path, statusCodes: { 200: true } }
    return anObject(name, await this.#calls.call(name, signal, (_docker, own) => this.#calls.dial(dial, own)))
  }
}

/** Whether the engine has said no, rather than nothing. */
function isAnswer(error: unknown): boolean {
  return error instanceof DiagnosedError && !(error instanceof DeadlineError || error instanceof ConnectionLostError)
}
