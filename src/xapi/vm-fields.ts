import type { FieldWrite } from '../model/fields.ts'
import type { FieldStore } from '../model/stores.ts'
import { isFailure } from './errors.ts'
import type { XapiCall, XapiSession } from './session.ts'

const RETRIES = 3

/**
 * Writes single keys of VM.other_config. Never set_other_config: that replaces the whole map and with it what another
 * client wrote in between.
 */
export class VmFields implements FieldStore {
  readonly #session: Pick<XapiSession, 'burst'>

  constructor(session: Pick<XapiSession, 'burst'>) {
    this.#session = session
  }

  async apply(vmRef: string, writes: readonly FieldWrite[], signal: AbortSignal): Promise<void> {
    let open = writes
    for (let round = 0; open.length > 0; round++) {
      const failed = await this.#burst(vmRef, open, signal)
      // Somebody else added the key in between, or an answer was lost and the add had happened: replace it.
      const taken = failed.filter(({ error }) => isFailure(error, 'MAP_DUPLICATE_KEY'))
      const fatal = failed.find((failure) => !taken.includes(failure)) ?? (round >= RETRIES ? taken[0] : undefined)
      if (fatal !== undefined) throw fatal.error
      open = taken.map(({ write }) => ({ ...write, replaces: true }))
    }
  }

  async #burst(vmRef: string, writes: readonly FieldWrite[], signal: AbortSignal) {
    const planned = writes.flatMap((write) => callsOf(vmRef, write).map((call) => ({ write, call })))
    const results = await this.#session.burst(
      planned.map(({ call }) => call),
      signal,
    )
    return results.flatMap((result, i) =>
      result.status === 'rejected' ? [{ write: planned[i]!.write, error: result.reason as unknown }] : [],
    )
  }
}

function callsOf(vmRef: string, { key, value, replaces }: FieldWrite): XapiCall[] {
  const remove = { method: 'VM.remove_from_other_config', params: [vmRef, key] }
  if (value === undefined) return [remove]
  const add = { method: 'VM.add_to_other_config', params: [vmRef, key, value] }
  return replaces ? [remove, add] : [add]
}
