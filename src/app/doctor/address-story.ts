import { KEY, type Fields } from '../../model/fields.ts'
import type { VmRecord } from '../../model/vm.ts'
import { refusal, type AddressRules } from '../../monitor/addresses.ts'

/** What the guest says of its addresses, for the step before one is chosen. */
export function reportedStory(vm: VmRecord): string {
  const given = overrideOf(vm.otherConfig)
  const count = new Set(Object.values(vm.networks)).size
  const reported = count === 1 ? '1 address' : `${count} addresses`
  return given === undefined ? reported : `${reported}; not needed, as ${KEY.address} is set`
}

/** Which addresses are dialled, in which order, and why not the others: `10.0.0.5, then fd00::5; not 169.254.0.1: ..`. */
export function addressStory(vm: VmRecord, chosen: readonly string[], rules: AddressRules): string {
  const why = overrideOf(vm.otherConfig) === undefined ? reasons(chosen.length, rules) : `set by ${KEY.address}`
  const refused = Object.entries(vm.networks).flatMap(([key, raw]) => {
    const text = raw.trim()
    const device = key.split('/')[0]!
    const because = refusal(text, rules, rules.hostInternalDevices.has(device))
    return because === undefined ? [] : [`${text.slice(0, 60)} of device ${device} ${because}`]
  })
  const others = refused.length === 0 ? '' : `; refused: ${[...new Set(refused)].slice(0, 8).join(', ')}`
  return `${chosen.join(', then ')} (${why})${others}`
}

function reasons(count: number, { preferHostInternal, hostInternalDevices }: AddressRules): string {
  if (count === 1) return 'the only usable one'
  const internal = preferHostInternal ? 'first' : 'last'
  return `IPv4 before IPv6${hostInternalDevices.size > 0 ? `, the host-internal network ${internal}` : ''}`
}

function overrideOf(config: Fields): string | undefined {
  const text = config[KEY.address]?.trim()
  return text === undefined || text === '' ? undefined : text
}
