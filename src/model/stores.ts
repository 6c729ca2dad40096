import type { Fields, FieldWrite } from './fields.ts'

/** Where fields are written: single keys only, so that what others write into the same map is never touched. */
export interface FieldStore {
  /** Makes the writes in this order with the least possible time between them. Rejects if any of them failed. */
  apply(vmRef: string, writes: readonly FieldWrite[], signal: AbortSignal): Promise<void>
}

/** Secrets by uuid, and the pool's map that names them. */
export interface SecretStore {
  /** Stores a value; its uuid. `label`: kept with it, so that one that is never named anywhere can be found again. */
  create(value: string, signal: AbortSignal, label?: string): Promise<string>
  /** The value, or undefined when there is no such secret. */
  read(uuid: string, signal: AbortSignal): Promise<string | undefined>
  destroy(uuid: string, signal: AbortSignal): Promise<void>
  /** pool.other_config */
  poolConfig(signal: AbortSignal): Promise<Fields>
  /** Adds a key to pool.other_config; false when somebody else has added it before. */
  claim(key: string, value: string, signal: AbortSignal): Promise<boolean>
  /** Sets a key of pool.other_config, whatever was there. */
  assign(key: string, value: string, signal: AbortSignal): Promise<void>
}

/** The same for keys that change. */
export interface KeyStore extends SecretStore {
  /** Puts another value in the place of a secret's, at once: whoever reads has the old one or the new one. */
  replace(uuid: string, value: string, signal: AbortSignal): Promise<void>
  /** Removes a key of pool.other_config; fine where there is none. */
  drop(key: string, signal: AbortSignal): Promise<void>
  /** What was written until now stays, even if XAPI crashes: it writes its database to disk every few minutes only. */
  flush(signal: AbortSignal): Promise<void>
  /** The secrets that have a label of ours. */
  labelled(signal: AbortSignal): Promise<readonly { readonly uuid: string; readonly label: string }[]>
}

/** Messages to the administrator about a VM. */
export interface MessageStore {
  /** Refs of the messages of this title about this VM. */
  find(vmUuid: string, title: string, signal: AbortSignal): Promise<readonly string[]>
  create(vmUuid: string, title: string, body: string, signal: AbortSignal): Promise<void>
  destroy(ref: string, signal: AbortSignal): Promise<void>
}
