import type { MessageStore } from '../model/stores.ts'
import { isFailure, isNotOffered } from './errors.ts'
import type { XapiSession } from './session.ts'
import { isRecord } from './wire.ts'

/** XAPI's messages, which clients show to the administrator. */
export class XapiMessages implements MessageStore {
  readonly #session: Pick<XapiSession, 'call'>

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
      throw error
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
      await this.#session.call('message.create', [title, '3', 'VM', vmUuid, body], signal)
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
  }
}

function isAbout(message: Readonly<Record<string, unknown>>, vmUuid: string): boolean {
  return message['obj_uuid'] === undefined || message['obj_uuid'] === vmUuid
}
