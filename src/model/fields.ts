/** Values of a string map such as VM.other_config, by key. */
export type Fields = Readonly<Record<string, string>>

/** Keys in VM.other_config that this product reads or writes; the clients' contract, see docs/contract.md. */
export const KEY = {
  monitor: 'xscontainer-monitor',
  username: 'xscontainer-username',
  mode: 'xscontainer-mode',
  hostKey: 'xscontainer-sshhostkey',
  /** uuid of the VM whose host key is pinned: a clone inherits the pin, but not this identity. */
  hostKeyOwner: 'xscontainer-sshhostkey-vm',
  address: 'xscontainer-address',
  socket: 'xscontainer-socket',
  sshAlgorithms: 'xscontainer-ssh-algorithms',
  /** uuids of secrets that hold PEM text; for mode `tls`. */
  tlsCertificate: 'xscontainer-tls-client-cert',
  tlsKey: 'xscontainer-tls-client-key',
  tlsCa: 'xscontainer-tls-ca-cert',
  /** Fingerprint of the newest key that the guest is known to let in, and what has become of the key before it. */
  keyRenewal: 'xscontainer-key-renewal',
  status: 'xscontainer-status',
  updated: 'xscontainer-updated',
  ps: 'docker_ps',
  info: 'docker_info',
  version: 'docker_version',
  top: 'docker_top',
} as const

/** The keys that claim to show the guest's present state: there only while the VM is monitored with success. */
export const LIVE_KEYS: readonly string[] = [KEY.ps, KEY.info, KEY.version, KEY.top]

/** One change of one key. `replaces`: the key is there now, as far as we know, and must be removed first. */
export interface FieldWrite {
  readonly key: string
  /** undefined removes the key. */
  readonly value: string | undefined
  readonly replaces: boolean
}

/** How many XAPI calls these writes take. */
export function callsFor(writes: readonly FieldWrite[]): number {
  return writes.reduce((sum, write) => sum + (write.replaces && write.value !== undefined ? 2 : 1), 0)
}
