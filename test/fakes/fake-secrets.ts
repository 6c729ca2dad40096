import type { KeyStore } from '../../src/model/stores.ts'

/**
 * XAPI's secrets and the pool's map, in memory. `before` may fail, wait, or be somebody else who is quicker; `after` may
 * fail as if an answer were lost: the call was made.
 */
export class FakeSecrets implements KeyStore {
  readonly secrets = new Map<string, string>()
  readonly pool = new Map<string, string>()
  readonly labels = new Map<string, string>()
  readonly calls: string[] = []
  before: (call: string) => Promise<void> | void = () => undefined
  after: (call: string) => void = () => undefined
  #next = 1

  async create(value: string, _signal?: AbortSignal, label?: string): Promise<string> {
    await this.#call('create')
    const uuid = `secret-${this.#next++}`
    this.secrets.set(uuid, value)
    if (label !== undefined) this.labels.set(uuid, label)
    this.after('create')
    return uuid
  }

  async replace(uuid: string, value: string): Promise<void> {
    await this.#call('replace')
    if (!this.secrets.has(uuid)) throw new Error(`no secret ${uuid}`)
    this.secrets.set(uuid, value)
    this.after('replace')
  }

  async drop(key: string): Promise<void> {
    await this.#call('drop')
    this.pool.delete(key)
    this.after('drop')
  }

  /** What is on disk, for `crash`. */
  flushed: { secrets: readonly [string, string][]; pool: readonly [string, string][] } | undefined

  async flush(): Promise<void> {
    await this.#call('flush')
    this.flushed = { secrets: [...this.secrets], pool: [...this.pool] }
    this.after('flush')
  }

  /** XAPI crashes: what was written since the last flush is lost. */
  crash(): void {
    const { secrets, pool } = this.flushed ?? { secrets: [], pool: [] }
    this.secrets.clear()
    this.pool.clear()
    for (const [uuid, value] of secrets) this.secrets.set(uuid, value)
    for (const [key, value] of pool) this.pool.set(key, value)
  }

  async labelled(): Promise<{ uuid: string; label: string }[]> {
    await this.#call('labelled')
    return [...this.labels].flatMap(([uuid, label]) => (this.secrets.has(uuid) ? [{ uuid, label }] : []))
  }

  async read(uuid: string): Promise<string | undefined> {
    await this.#call('read')
    return this.secrets.get(uuid)
  }

  async destroy(uuid: string): Promise<void> {
    await this.#call('destroy')
    this.secrets.delete(uuid)
    this.after('destroy')
  }

  async poolConfig(): Promise<Readonly<Record<string, string>>> {
    await this.#call('poolConfig')
    return Object.fromEntries(this.pool)
  }

  async claim(key: string, value: string): Promise<boolean> {
    await this.#call('claim')
    if (this.pool.has(key)) return false
    this.pool.set(key, value)
    this.after('claim')
    return true
  }

  async assign(key: string, value: string): Promise<void> {
    await this.#call('assign')
    this.pool.set(key, value)
    this.after('assign')
  }

  async #call(name: string): Promise<void> {
    this.calls.push(name)
    await this.before(name)
  }
}
