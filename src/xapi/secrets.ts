import type { SecretStore } from '../model/stores.ts'
import { isFailure, unexpectedAnswer } from './errors.ts'
import type { XapiSession } from './session.ts'
import { fieldsOf } from './vm-record.ts'

/** XAPI's secrets and the pool's other_config, where their uuids are kept. */
export class XapiSecrets implements SecretStore {
  readonly #session: Pick<XapiSession, 'call'>

  constructor(session: Pick<XapiSession, 'call'>) {
    this.#session = session
  }

  async create(value: string, signal: AbortSignal): Promise<string> {
    const ref = text(await this.#session.call('secret.create', [{ value, other_config: {} }], signal))
    return text(await this.#session.call('secret.get_uuid', [ref], signal))
  }

  async read(uuid: string, signal: AbortSignal): Promise<string | undefined> {
    const ref = await this.#find(uuid, signal)
    return ref === undefined ? undefined : text(await this.#session.call('secret.get_value', [ref], signal))
  }

  async destroy(uuid: string, signal: AbortSignal): Promise<void> {
    const ref = await this.#find(uuid, signal)
    if (ref !== undefined) await this.#session.call('secret.destroy', [ref], signal)
  }

  async poolConfig(signal: AbortSignal): Promise<Readonly<Record<string, string>>> {
    const config = await this.#session.call('pool.get_other_config', [await this.#pool(signal)], signal)
    return fieldsOf(config, () => true)
  }

  async claim(key: string, value: string, signal: AbortSignal): Promise<boolean> {
    try {
      await this.#session.call('pool.add_to_other_config', [await this.#pool(signal), key, value], signal)
      return true
    } catch (error) {
      if (!isFailure(error, 'MAP_DUPLICATE_KEY')) throw error
      // An earlier answer may have been lost: then it is this very value that is there.
      return (await this.poolConfig(signal))[key] === value
    }
  }

  async assign(key: string, value: string, signal: AbortSignal): Promise<void> {
    await this.#session.call('pool.remove_from_other_config', [await this.#pool(signal), key], signal)
    await this.claim(key, value, signal)
  }

  async #find(uuid: string, signal: AbortSignal): Promise<string | undefined> {
    try {
      return text(await this.#session.call('secret.get_by_uuid', [uuid], signal))
    } catch (error) {
      if (isFailure(error, 'UUID_INVALID', 'HANDLE_INVALID')) return undefined
      throw error
    }
  }

  async #pool(signal: AbortSignal): Promise<string> {
    const [pool] = (await this.#session.call('pool.get_all', [], signal)) as unknown[]
    return text(pool)
  }
}

function text(value: unknown): string {
  if (typeof value === 'string') return value
  throw unexpectedAnswer('something else than text about a secret or the pool')
}
