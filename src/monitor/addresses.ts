import { BlockList, isIP } from 'node:net'
import type { Diagnosis } from '../base/errors.ts'
import type { Fields } from '../model/fields.ts'
import { canonicalAddress } from '../model/pool.ts'

/** How many of a guest's addresses are tried in one attempt. */
const MOST = 4

export interface AddressRules {
  /** Tests run their guests on loopback addresses; nobody else should. */
  readonly allowLoopback: boolean
  /** Addresses of the pool's hosts, dom0's own among them. */
  readonly hostAddresses: ReadonlySet<string>
  /** VIF device numbers of this VM on the host-internal management network. */
  readonly hostInternalDevices: ReadonlySet<string>
  /** Whether those come first; otherwise last. */
  readonly preferHostInternal: boolean
}

export type Addresses = { readonly addresses: readonly string[]; readonly problem: Diagnosis | undefined }

/**
 * Which addresses to dial, in which order. The guest writes the reported ones and may name any machine, so whatever
 * would lead back into dom0, to another host or nowhere is refused. An override by the administrator replaces them all.
 */
export function chooseAddresses(networks: Fields, override: string | undefined, rules: AddressRules): Addresses {
  if (override !== undefined && override.trim() !== '') return chooseOverride(override.trim(), rules)
  const reported = Object.entries(networks).map(([key, text]) => ({ device: key.split('/')[0]!, text: text.trim() }))
  const usable = reported.filter(
    ({ device, text }) => refusal(text, rules, rules.hostInternalDevices.has(device)) === undefined,
  )
  const ordered = usable
    .map((entry, at) => ({ ...entry, at }))
    .sort((a, b) => order(a, rules) - order(b, rules) || a.at - b.at)
  const addresses = [...new Set(ordered.map(({ text }) => text))].slice(0, MOST)
  if (addresses.length > 0) return { addresses, problem: undefined }
  return {
    addresses,
    problem: nothingUsable(
      reported.map(({ text }) => text),
      rules,
    ),
  }
}

function chooseOverride(address: string, rules: AddressRules): Addresses {
  const why = refusal(address, rules, true)
  if (why === undefined) return { addresses: [address], problem: undefined }
  return {
    addresses: [],
    problem: {
      kind: 'address-refused',
      cause: `The address in other-config xscontainer-address, ${JSON.stringify(address.slice(0, 60))}, ${why}`,
      cure: 'Set xscontainer-address to an IP address of the guest, or remove the key',
    },
  }
}

function nothingUsable(reported: readonly string[], rules: AddressRules): Diagnosis {
  const [first] = reported
  if (first === undefined) {
    return {
      kind: 'no-address',
      cause: 'The VM reports no IP address',
      cure: 'Install or start the guest tools in the VM, or set its other-config key xscontainer-address to its IP address',
    }
  }
  const why = refusal(first, rules, false) ?? 'is not usable'
  return {
    kind: 'address-refused',
    cause: `The VM reports no usable IP address: ${JSON.stringify(first.slice(0, 60))} ${why}`,
    cure: "Check the network settings in the guest, or set the VM's other-config key xscontainer-address to its IP address",
  }
}

/** IPv4 before IPv6; the host-internal network first where the pool wants that, last otherwise. */
function order({ device, text }: { device: string; text: string }, rules: AddressRules): number {
  const internal = rules.hostInternalDevices.has(device)
  return (internal === rules.preferHostInternal ? 0 : 2) + (isIP(text) === 6 ? 1 : 0)
}

const LOOPBACK = ranges(['127.0.0.0', 8, 'ipv4'])
const LINK_LOCAL = ranges(['169.254.0.0', 16, 'ipv4'])
const NOWHERE = {
  4: ranges(['0.0.0.0', 8, 'ipv4'], ['224.0.0.0', 4, 'ipv4'], ['240.0.0.0', 4, 'ipv4']),
  // IPv4 in IPv6 clothes, in every spelling that a machine may translate (RFC 4291, 2765, 3056, 6052, 8215), is refused
  // too: nothing legitimate reports it, and it would pass the rules for IPv4.
  6: ranges(
    ['::', 96, 'ipv6'],
    ['ff00::', 8, 'ipv6'],
    ['fe80::', 10, 'ipv6'],
    ['::ffff:0:0', 96, 'ipv6'],
    ['::ffff:0:0:0', 96, 'ipv6'],
    ['64:ff9b::', 96, 'ipv6'],
    ['64:ff9b:1::', 48, 'ipv6'],
    ['2002::', 16, 'ipv6'],
  ),
}

/** Why this address must not be dialled, as the end of a sentence; undefined when it may. */
export function refusal(text: string, rules: AddressRules, linkLocalAllowed: boolean): string | undefined {
  const family = isIP(text)
  if (family !== 4 && family !== 6) return 'is not an IP address'
  const type = family === 4 ? 'ipv4' : 'ipv6'
  if (rules.hostAddresses.has(canonicalAddress(text))) return 'belongs to a host of the pool'
  // `::1` lies among the IPv4-compatible ones, and an IPv4 address in IPv6 clothes counts as loopback where that one does.
  if (family === 6 ? canonicalAddress(text) === '::1' : LOOPBACK.check(text, type))
    return rules.allowLoopback ? undefined : 'is a loopback address'
  if (NOWHERE[family].check(text, type)) return 'is not the address of one machine'
  if (LINK_LOCAL.check(text, type) && !linkLocalAllowed) return 'is link-local (used on the host-internal network only)'
  return undefined
}

function ranges(...nets: [string, number, 'ipv4' | 'ipv6'][]): BlockList {
  const list = new BlockList()
  for (const net of nets) list.addSubnet(...net)
  return list
}
