import type { SecretStore } from '../../src/model/stores.ts'

/** XAPI's secrets and the pool's map, in memory. `before` may fail, wait, or be somebody else who is quicker. */
export class FakeSecrets implements SecretStore {
  readonly secrets = new Map<string, string>()
  readonly pool = new Map<string, string>()
  readonly calls: string[] = []
  before: (call: string) => Promise<void> | void = () => undefined
  #next = 1

  async create(value: string): Promise<string> {
    await this.#call('create')
    const uuid = `secret-${this.#next++}`
    this.secrets.set(uuid, value)
    return uuid
  }

  async read(uuid: string): Promise<string | undefined> {
    await this.#call('read')
    return this.secrets.get(uuid)
  }

  async destroy(uuid: string): Promise<void> {
    await this.#call('destroy')
    this.secrets.delete(uuid)
  }

  async poolConfig(): Promise<Readonly<Record<string, string>>> {
    await this.#call('poolConfig')
    return Object.fromEntries(this.pool)
  }

  async claim(key: string, value: string): Promise<boolean> {
    await this.#call('claim')
    if (this.pool.has(key)) return false
    this.pool.set(key, value)
    return true
  }

  async assign(key: string, value: string): Promise<void> {
    await this.#call('assign')
    this.pool.set(key, value)
  }

  async #call(name: string): Promise<void> {
    this.calls.push(name)
    await this.before(name)
  }
}
