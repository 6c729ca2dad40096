import type { Clock } from '../base/clock.ts'
import { TransientError } from '../base/errors.ts'
import { isFailure, unexpectedAnswer, XapiFailure } from './errors.ts'
import type { XapiSession } from './session.ts'
import { isRecord } from './wire.ts'

export interface TransferTaskDeps {
  readonly clock: Clock
  readonly session: Pick<XapiSession, 'call'>
}

const LOOK_FIRST_MS = 50
const LOOK_MOST_MS = 1000

/** A task of our own that XAPI is given for a transfer: the only one who says how that went. */
export class TransferTask {
  readonly ref: string
  readonly #deps: TransferTaskDeps
  readonly #what: string

  private constructor(deps: TransferTaskDeps, ref: string, what: string) {
    this.#deps = deps
    this.ref = ref
    this.#what = what
  }

  static async create(deps: TransferTaskDeps, what: string, signal: AbortSignal): Promise<TransferTask> {
    signal.throwIfAborted()
    // Once begun it is waited for: nobody else would know which task to destroy.
    const ref = await deps.session.call('task.create', ['xscontainer', what], new AbortController().signal)
    if (typeof ref !== 'string') throw unexpectedAnswer('a task that is no reference')
    return new TransferTask(deps, ref, what)
  }

  /**
   * Resolves when XAPI says that all is well, or `isDone` does while XAPI says nothing. Rejects with what XAPI says
   * otherwise.
   */
  async success(isDone: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
    for (let wait = LOOK_FIRST_MS; ; wait = Math.min(wait * 2, LOOK_MOST_MS)) {
      const record = await this.#record(signal)
      const status = String(record['status']).toLowerCase()
      if (status === 'success') return
      if (status === 'failure') throw new XapiFailure(this.#what, words(record['error_info']))
      if (status !== 'pending') throw this.#stopped(status)
      if (await isDone()) return
      await this.#deps.clock.sleep(wait, signal)
    }
  }

  /** Never rejects: XAPI collects tasks by itself, later. */
  async destroy(): Promise<void> {
    const { session } = this.#deps
    await session.call('task.destroy', [this.ref], new AbortController().signal).catch(() => undefined)
  }

  async #record(signal: AbortSignal): Promise<Readonly<Record<string, unknown>>> {
    try {
      const record = await this.#deps.session.call('task.get_record', [this.ref], signal)
      if (isRecord(record)) return record
    } catch (error) {
      if (!isFailure(error, 'HANDLE_INVALID', 'UUID_INVALID')) throw error
      throw this.#stopped('gone')
    }
    throw unexpectedAnswer('a task that is no record')
  }

  #stopped(status: string): TransientError {
    return new TransientError({
      kind: 'vdi-transfer',
      cause: `${this.#what} was stopped: its task is ${status}`,
      cure: 'Somebody may have cancelled it; try again',
    })
  }
}

function words(errorInfo: unknown): string[] {
  const list = Array.isArray(errorInfo) ? errorInfo.map(String) : []
  return list.length > 0 ? list : ['no reason given']
}
