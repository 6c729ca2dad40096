import { KEY, type Fields } from '../model/fields.ts'
import type { PowerState, VmRecord } from '../model/vm.ts'
import { isRecord } from './wire.ts'

const NULL_REF = 'OpaqueRef:NULL'
const OUR_KEYS: ReadonlySet<string> = new Set(Object.values(KEY))

/** What is kept of a VM's record; guest metrics live in an object of their own and are joined later. */
export interface VmPart {
  readonly record: Omit<VmRecord, 'networks'>
  readonly guestMetrics: string | undefined
}

/**
 * Cuts XAPI's VM record down to what we need. undefined when it is not a VM record at all. Of other_config only our
 * keys are kept: foreign ones are none of our business and would fill the memory.
 */
export function parseVm(ref: string, snapshot: unknown): VmPart | undefined {
  if (!isRecord(snapshot) || typeof snapshot['uuid'] !== 'string') return undefined
  return {
    record: {
      ref,
      uuid: snapshot['uuid'],
      name: textOf(snapshot['name_label']),
      powerState: powerStateOf(snapshot['power_state']),
      residentOn: refOf(snapshot['resident_on']),
      isControlDomain: snapshot['is_control_domain'] === true,
      isTemplate: snapshot['is_a_template'] === true,
      isSnapshot: snapshot['is_a_snapshot'] === true,
      otherConfig: fieldsOf(snapshot['other_config'], (key) => OUR_KEYS.has(key)),
    },
    guestMetrics: refOf(snapshot['guest_metrics']),
  }
}

/** VM_guest_metrics.networks of a snapshot of that class: bounded, since the guest writes it. */
export function parseNetworks(snapshot: unknown): Fields {
  const networks = isRecord(snapshot) ? snapshot['networks'] : undefined
  return fieldsOf(networks, (key) => /^[0-9]{1,3}\/ip(v4\/[0-9]{1,3}|v6\/[0-9]{1,3}|)$/.test(key), 64)
}

/** The string members of a map that `wanted` accepts, at most `most` of them. */
export function fieldsOf(value: unknown, wanted: (key: string) => boolean, most = 1000): Fields {
  if (!isRecord(value)) return {}
  const kept = Object.entries(value).filter(([key, text]) => wanted(key) && typeof text === 'string')
  return Object.fromEntries(kept.slice(0, most)) as Fields
}

/** A reference, or undefined for XAPI's null reference and for anything that is no reference. */
export function refOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' && value !== NULL_REF ? value : undefined
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function powerStateOf(value: unknown): PowerState {
  return value === 'Running' || value === 'Paused' || value === 'Suspended' ? value : 'Halted'
}
