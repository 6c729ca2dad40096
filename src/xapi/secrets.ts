import type { KeyStore } from '../model/stores.ts'
import { isFailure, isNotOffered, unexpectedAnswer, XapiFailure } from './errors.ts'
import type { XapiSession } from './session.ts'
import { fieldsOf } from './vm-record.ts'

/** In other_config of secrets: what they are for, and since when. */
const LABEL = 'xscontainer'

/** XAPI's secrets and the pool's other_config, where their uuids are kept. */
export class XapiSecrets implements KeyStore {
  readonly #session: Pick<XapiSession, 'call'>

  constructor(session: Pick<XapiSession, 'call'>) {
    this.#session = session
  }

  async create(value: string, signal: AbortSignal, label?: string): Promise<string> {
    const other_config = label === undefined ? {} : { [LABEL]: label }
    signal.throwIfAborted()
    // Once begun it is waited for: nobody could destroy a secret whose uuid is not known.
    const forever = new AbortController().signal
    const ref = text(await this.#session.call('secret.create', [{ value, other_config }], forever))
    return text(await this.#session.call('secret.get_uuid', [ref], forever))
  }

  async read(uuid: string, signal: AbortSignal): Promise<string | undefined> {
    const ref = await this.#find(uuid, signal)
    return ref === undefined ? undefined : text(await this.#session.call('secret.get_value', [ref], signal))
  }

  async destroy(uuid: string, signal: AbortSignal): Promise<void> {
    const ref = await this.#find(uuid, signal)
    if (ref !== undefined) await this.#session.call('secret.destroy', [ref], signal)
  }

  async replace(uuid: string, value: string, signal: AbortSignal): Promise<void> {
    const ref = await this.#session.call('secret.get_by_uuid', [uuid], signal)
    await this.#session.call('secret.set_value', [text(ref), value], signal)
  }

  /** Without reading any value: most secrets are others'. None where XAPI cannot tell. */
  async labelled(signal: AbortSignal): Promise<{ uuid: string; label: string }[]> {
    const refs = await this.#session.call('secret.get_all', [], signal).catch((error: unknown) => {
      if (isNotOffered(error)) return []
      throw error
    })
    const found: { uuid: string; label: string }[] = []
    for (const ref of Array.isArray(refs) ? refs : []) {
      try {
        const config = await this.#session.call('secret.get_other_config', [text(ref)], signal)
        const { [LABEL]: label } = fieldsOf(config, (key) => key === LABEL)
        if (label === undefined) continue
        found.push({ uuid: text(await this.#session.call('secret.get_uuid', [text(ref)], signal)), label })
      } catch (error) {
        if (!isFailure(error, 'HANDLE_INVALID') && !isNotOffered(error)) throw error
      }
    }
    return found
  }

  async drop(key: string, signal: AbortSignal): Promise<void> {
    await this.#session.call('pool.remove_from_other_config', [await this.#pool(signal), key], signal)
  }

  /** A XAPI that does not do that does it by itself after some minutes. */
  async flush(signal: AbortSignal): Promise<void> {
    try {
      await this.#session.call('pool.sync_database', [], signal)
    } catch (error) {
      if (!(error instanceof XapiFailure)) throw error
    }
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
