import type { Fields, FieldWrite } from '../model/fields.ts'

/** Between two writes of the same key, milliseconds, with some room for jitter; grows step by step while they keep coming. */
const GAP_MS = 1030
const STORM_GAP_MS = 4000
const WRITES_PER_STEP = 5
/** After this long XAPI has told us of our own write, so what it tells is newer than what we remember. */
const ECHO_MS = 3000
/** Stands for a value that may or may not have been written; no wanted value is equal to it. */
const UNKNOWN = '\0'

/** When a key was written last, and how many times it had to wait for that in a row. */
interface Pace {
  readonly at: number
  readonly streak: number
  waiting: boolean
}

/** What is wanted and what was written for one VM. All times are milliseconds on a clock that never jumps. */
export class VmKeys {
  readonly wanted = new Map<string, string | undefined>()
  readonly gone = new AbortController()
  running: Promise<void> | undefined
  /** Ends the present wait. */
  hurry: (() => void) | undefined
  /** Ends the present wait if it is one for keys that were written a short time ago. */
  reconsider: (() => void) | undefined
  cancelRepair: (() => void) | undefined
  flushedAt = Number.NEGATIVE_INFINITY
  /** How many wait for what is wanted to be written: while there are any, no key has to wait. */
  urgent = 0
  /** XAPI calls that changed something. */
  writes = 0
  readonly #paces = new Map<string, Pace>()
  /** Written since XAPI last told us: its events come later than our writes. */
  readonly #written = new Map<string, string | undefined>()
  #writtenAt = Number.NEGATIVE_INFINITY

  /** The keys as they are: as told, but for what we have written since. */
  actual(known: Fields): Fields {
    const merged = new Map<string, string | undefined>([...Object.entries(known), ...this.#written])
    return Object.fromEntries([...merged].filter((entry): entry is [string, string] => entry[1] !== undefined))
  }

  wrote(writes: readonly FieldWrite[], now: number): void {
    for (const { key, value } of writes) {
      this.#written.set(key, value)
      const pace = this.#paces.get(key)
      // The stamp went before it, and XAPI may have taken its time: whoever reads it has had it since now only.
      if (pace !== undefined) this.#paces.set(key, { ...pace, at: now })
    }
    this.#writtenAt = now
  }

  /** The answer was lost, or only some of them were made. */
  mayHaveWritten(writes: readonly FieldWrite[]): void {
    for (const { key } of writes) this.#written.set(key, UNKNOWN)
  }

  /** Lets XAPI's word count again once it must have told of our last write. */
  forgetEchoed(now: number): void {
    if (now - this.#writtenAt <= ECHO_MS) return
    for (const [key, value] of this.#written) if (value !== UNKNOWN) this.#written.delete(key)
  }

  forgetWritten(): void {
    this.#written.clear()
  }

  /** How long the key has to wait before it may be written, milliseconds. */
  wait(key: string, now: number): number {
    const pace = this.#paces.get(key)
    if (pace === undefined || this.urgent > 0) return 0
    const wait = Math.max(0, pace.at + gap(pace) - now)
    if (wait > 0) pace.waiting = true
    return wait
  }

  /** These keys are being written now. */
  flushing(keys: readonly string[], now: number): void {
    this.flushedAt = now
    for (const key of keys) {
      const pace = this.#paces.get(key)
      this.#paces.set(key, { at: now, streak: pace?.waiting === true ? pace.streak + 1 : 0, waiting: false })
    }
  }
}

function gap({ streak }: Pace): number {
  return Math.min(STORM_GAP_MS, GAP_MS * (1 + Math.floor(streak / WRITES_PER_STEP)))
}
