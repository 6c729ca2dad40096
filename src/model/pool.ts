import { isIPv6 } from 'node:net'
import type { Fields } from './fields.ts'

/** The pool object's part in what we do. */
export interface PoolRecord {
  readonly ref: string
  /** Ref of the host that is the coordinator now. */
  readonly coordinator: string | undefined
  /** Our keys of pool.other_config. */
  readonly otherConfig: Fields
}

/** Facts about the pool's network that decide which addresses a guest may name. */
export interface PoolNetwork {
  /** Every IP address that is known to belong to a host of the pool, dom0's own among them; canonical text. */
  readonly hostAddresses: ReadonlySet<string>
  /** VIF device numbers on the host-internal management network, by VM ref. */
  readonly hostInternalDevices: ReadonlyMap<string, ReadonlySet<string>>
}

export const POOL_KEY = {
  privateKey: 'xscontainer-private-secret-uuid',
  publicKey: 'xscontainer-public-secret-uuid',
  /** Secret with the key that is being put into guests beside the pool's, private half in PEM. */
  nextKey: 'xscontainer-next-private-secret-uuid',
  /** Secret with the key that some guests may still have in place of the pool's. */
  previousKey: 'xscontainer-previous-private-secret-uuid',
  /** `true`: the key that is being put into guests is a restricted one there. */
  restrictKey: 'xscontainer-restrict-key',
  useHostInternal: 'xscontainer-use-hostinternalnetwork',
} as const

/** Whether guests are to be reached over the host-internal management network first. */
export function prefersHostInternal(poolConfig: Fields): boolean {
  return /^(1|yes|true|on)$/i.test(poolConfig[POOL_KEY.useHostInternal] ?? '')
}

/** One text for one IP address: IPv6 has many spellings. Text that is no address comes back as it is. */
export function canonicalAddress(text: string): string {
  return isIPv6(text) ? new URL(`http://[${text.replace(/%.*$/, '')}]`).hostname.slice(1, -1) : text
}
