import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { waitUntil } from './wait-until.ts'

/** A process as the host sees it. */
export interface HostProcess {
  readonly pid: number
  readonly parent: number
  readonly group: number
  /** Its pid in its innermost namespace. */
  readonly inner: number
}

type Probe<T> = () => T | undefined | false | Promise<T | undefined | false>

/** A service that runs in a guest as a child of the guest's process 1. */
export class BoxProcess {
  readonly #name: string
  readonly #pid: number
  readonly #log: string

  /** `pid` as the host counts; `log`: the file on the host with the service's output. */
  constructor(name: string, pid: number, log: string) {
    this.#name = name
    this.#pid = pid
    this.#log = log
  }

  get ended(): boolean {
    return processOf(String(this.#pid)) === undefined
  }

  /** Resolves when `probe` gives something; rejects with the end of the log when the service ends before, or after 30 s. */
  async ready<T>(probe: Probe<T>): Promise<T> {
    const outcome = await waitUntil(
      `${this.#name} is up`,
      async () => {
        if (this.ended) return { ended: true as const }
        const value = await probe()
        return value !== undefined && value !== false && { ended: false as const, value }
      },
      30_000,
    ).catch((error: unknown) => {
      throw new Error(`${this.#name} did not come up: ${this.logTail()}`, { cause: error })
    })
    if (outcome.ended) throw new Error(`${this.#name} ended at once: ${this.logTail()}`)
    return outcome.value
  }

  /** The program and all its descendants, the program first; empty when it has ended. */
  tree(): HostProcess[] {
    const all = allProcesses()
    const found = all.filter((process) => process.pid === this.#pid)
    for (const parent of found) found.push(...all.filter((process) => process.parent === parent.pid))
    return found
  }

  children(): HostProcess[] {
    return this.tree().filter((process) => process.parent === this.#pid)
  }

  /** Sends a signal to the program alone, as `systemctl kill --kill-who=main` does. */
  signal(signal: NodeJS.Signals): void {
    signalQuietly(this.#pid, signal)
  }

  /** Sends a signal to the program and all its descendants. */
  signalTree(signal: NodeJS.Signals): void {
    for (const { pid } of this.tree()) signalQuietly(pid, signal)
  }

  /** Waits until the program has ended by itself or by a signal. */
  async end(): Promise<void> {
    await waitUntil(`${this.#name} has ended`, () => this.ended, 30_000)
  }

  logTail(): string {
    return readFileSync(this.#log, 'utf8').slice(-3000)
  }
}

/** Everything that lives in the process namespace of the process `pid`. */
export function processesInNamespace(pid: number): HostProcess[] {
  const own = namespaceOf(pid)
  return own === undefined ? [] : allProcesses().filter((process) => namespaceOf(process.pid) === own)
}

/** Signals a process that may have ended meanwhile. */
export function signalQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It was gone already.
  }
}

function allProcesses(): HostProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => processOf(name) ?? [])
}

/** Undefined for a process that is gone, or dead and not yet collected by its parent. */
function processOf(pid: string): HostProcess | undefined {
  const status = readQuietly(() => readFileSync(`/proc/${pid}/status`, 'utf8'))
  if (status === undefined || /^State:\s+[ZX]/m.test(status)) return undefined
  const numbers = (field: string) => (new RegExp(`^${field}:\\s+(.*)$`, 'm').exec(status)?.[1] ?? '').split(/\s+/)
  const first = (field: string) => Number(numbers(field)[0])
  return { pid: Number(pid), parent: first('PPid'), group: first('NSpgid'), inner: Number(numbers('NSpid').at(-1)) }
}

function namespaceOf(pid: number): string | undefined {
  return readQuietly(() => readlinkSync(`/proc/${pid}/ns/pid`))
}

function readQuietly(read: () => string): string | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
