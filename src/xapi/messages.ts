import type { MessageStore } from '../model/stores.ts'
import { isFailure, isNotOffered } from './errors.ts'
import type { XapiSession } from './session.ts'
import { refOf } from './vm-record.ts'
import { isRecord } from './wire.ts'

/** XAPI's messages, which clients show to the administrator. */
export class XapiMessages implements MessageStore {
  readonly #session: Pick<XapiSession, 'call'>
  /** Where XAPI lets nobody look: messages that were looked for in vain, by VM and title, and those that were then made. */
  readonly #made = new Map<string, string | undefined>()

  constructor(session: Pick<XapiSession, 'call'>) {
    this.#session = session
  }

  async find(vmUuid: string, title: string, signal: AbortSignal): Promise<string[]> {
    try {
      const found = await this.#about(vmUuid, signal)
      return isRecord(found)
        ? Object.entries(found).flatMap(([ref, message]) =>
            isRecord(message) && message['name'] === title && isAbout(message, vmUuid) ? [ref] : [],
          )
        : []
    } catch (error) {
      if (isFailure(error, 'UUID_INVALID')) return []
      if (!isNotOffered(error)) throw error
      const name = nameOf(vmUuid, title)
      const ref = this.#made.get(name)
      this.#made.set(name, ref)
      return ref === undefined ? [] : [ref]
    }
  }

  async #about(vmUuid: string, signal: AbortSignal): Promise<unknown> {
    try {
      return await this.#session.call('message.get', ['VM', vmUuid, new Date(0)], signal)
    } catch (error) {
      if (!isNotOffered(error)) throw error
      return this.#session.call('message.get_all_records', [], signal)
    }
  }

  async create(vmUuid: string, title: string, body: string, signal: AbortSignal): Promise<void> {
    try {
      const ref = await this.#session.call('message.create', [title, '3', 'VM', vmUuid, body], signal)
      const name = nameOf(vmUuid, title)
      if (this.#made.has(name)) this.#made.set(name, refOf(ref))
    } catch (error) {
      // The VM is gone: nobody is left to be told.
      if (!isFailure(error, 'UUID_INVALID')) throw error
    }
  }

  async destroy(ref: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#session.call('message.destroy', [ref], signal)
    } catch (error) {
      if (!isFailure(error, 'HANDLE_INVALID')) throw error
    }
    for (const [name, made] of this.#made) if (made === ref) this.#made.delete(name)
  }
}

function nameOf(vmUuid: string, title: string): string {
  return `${vmUuid} ${title}`
}

function isAbout(message: Readonly<Record<string, unknown>>, vmUuid: string): boolean {
  return message['obj_uuid'] === undefined || message['obj_uuid'] === vmUuid
}
