import type { TlsParts } from '../../transports/tls/material.ts'

/** Which certificates a VM in mode tls is to have. */
export type TlsWish =
  /** Those that its other_config names already. */
  | { readonly use: 'present' }
  /** These PEM texts; `from`: the files that they are from. */
  | { readonly use: 'given'; readonly parts: TlsParts; readonly from: TlsParts }
  /** New ones, handed to the guest on a disc. `storage`: ref of the storage repository for it; undefined: any that fits. */
  | { readonly use: 'generate'; readonly storage: string | undefined }
