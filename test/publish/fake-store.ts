import type { Fields, FieldWrite } from '../../src/model/fields.ts'
import type { FieldStore } from '../../src/model/stores.ts'
import type { FakeClock } from '../fakes/fake-clock.ts'

export interface Applied {
  /** Milliseconds since the store was made. */
  readonly at: number
  readonly ref: string
  readonly writes: readonly FieldWrite[]
}

/** Keys of VMs as XAPI has them, and as its events have told them: later, by `echo`, unless they are told at once. */
export class FakeStore implements FieldStore {
  readonly applied: Applied[] = []
  echoAtOnce = true
  /** Called before each write; throws or waits instead of XAPI. */
  before: (ref: string, writes: readonly FieldWrite[]) => Promise<void> | void = () => undefined
  readonly #clock: FakeClock
  readonly #start: number
  readonly #actual = new Map<string, Record<string, string>>()
  readonly #told = new Map<string, Fields>()

  constructor(clock: FakeClock) {
    this.#clock = clock
    this.#start = clock.monotonic()
  }

  /** A VM with these keys, known to all. */
  put(ref: string, fields: Fields): void {
    this.#actual.set(ref, { ...fields })
    this.echo(ref)
  }

  echo(ref: string): void {
    const fields = this.#actual.get(ref)
    if (fields === undefined) this.#told.delete(ref)
    else this.#told.set(ref, { ...fields })
  }

  destroy(ref: string): void {
    this.#actual.delete(ref)
    this.#told.delete(ref)
  }

  readonly known = (ref: string): Fields | undefined => this.#told.get(ref)

  actual(ref: string): Fields | undefined {
    return this.#actual.get(ref)
  }

  /** Somebody else writes. */
  foreign(ref: string, key: string, value: string | undefined): void {
    const fields = this.#actual.get(ref)!
    if (value === undefined) delete fields[key]
    else fields[key] = value
    this.echo(ref)
  }

  async apply(ref: string, writes: readonly FieldWrite[], signal: AbortSignal): Promise<void> {
    this.applied.push({ at: this.#clock.monotonic() - this.#start, ref, writes })
    await this.before(ref, writes)
    signal.throwIfAborted()
    const fields = this.#actual.get(ref)
    if (fields === undefined) throw Object.assign(new Error('gone'), { code: 'HANDLE_INVALID' })
    for (const { key, value, replaces } of writes) {
      if (value === undefined) delete fields[key]
      else if (fields[key] !== undefined && !replaces) throw new Error(`${key} is there already`)
      else fields[key] = value
    }
    if (this.echoAtOnce) this.echo(ref)
  }

  /** Times at which this key was written, and what with. */
  history(key: string, ref = 'vm'): [number, string | undefined][] {
    return this.applied
      .filter((entry) => entry.ref === ref)
      .flatMap(({ at, writes }) =>
        writes.filter((write) => write.key === key).map(({ value }) => [at, value] as [number, string | undefined]),
      )
  }
}
