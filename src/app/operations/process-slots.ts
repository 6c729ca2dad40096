import { mkdir, open, readFile, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Random } from '../../base/backoff.ts'
import type { Clock } from '../../base/clock.ts'

/** Nobody needs longer; who is older was killed, or its process number was given to another. */
const STALE_MS = 60_000
const LEAST_WAIT_MS = 20
const MOST_WAIT_MS = 80

export interface ProcessSlotsDeps {
  readonly clock: Clock
  readonly random: Random
}

/** How many processes of this host do something about one VM at the same time. Each slot is a file that names who has it. */
export class ProcessSlots {
  readonly #deps: ProcessSlotsDeps
  readonly #dir: string
  readonly #count: number

  /** `dir`: made when it is missing. Where that cannot be, nobody waits for anybody. */
  constructor(deps: ProcessSlotsDeps, dir: string, count: number) {
    this.#deps = deps
    this.#dir = dir
    this.#count = count
  }

  /** Does the work in a slot of this VM's, or without one after `patienceMs`: better too many than none. */
  async pass<T>(vmUuid: string, patienceMs: number, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const slot = await this.#take(vmUuid, patienceMs, signal)
    try {
      return await work()
    } finally {
      if (slot !== undefined) await unlink(slot).catch(() => undefined)
    }
  }

  async #take(vmUuid: string, patienceMs: number, signal: AbortSignal): Promise<string | undefined> {
    const { clock, random } = this.#deps
    const end = clock.monotonic() + patienceMs
    await mkdir(this.#dir, { recursive: true, mode: 0o700 }).catch(() => undefined)
    while (clock.monotonic() < end) {
      for (let i = 0; i < this.#count; i++) {
        const path = join(this.#dir, `${vmUuid}.${i}`)
        const taken = await this.#create(path)
        if (taken === 'mine') return path
        if (taken === 'impossible') return undefined
      }
      await clock.sleep(LEAST_WAIT_MS + random() * (MOST_WAIT_MS - LEAST_WAIT_MS), signal)
    }
    return undefined
  }

  async #create(path: string): Promise<'mine' | 'taken' | 'impossible'> {
    try {
      const file = await open(path, 'wx', 0o600)
      await file.writeFile(String(process.pid)).finally(() => file.close())
      return 'mine'
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return 'impossible'
      if (await this.#isStale(path)) await unlink(path).catch(() => undefined)
      return 'taken'
    }
  }

  /** Its owner has ended, or has had it for too long. */
  async #isStale(path: string): Promise<boolean> {
    try {
      const [text, { mtimeMs }] = await Promise.all([readFile(path, 'utf8'), stat(path)])
      const age = this.#deps.clock.now() - mtimeMs
      // Not written yet: its owner is about to.
      if (text === '') return age > 1000
      return Math.abs(age) > STALE_MS || !runs(Number(text))
    } catch {
      return false
    }
  }
}

function runs(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
