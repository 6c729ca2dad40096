import { createHash } from 'node:crypto'
import { RefusedError } from '../../base/errors.ts'

/** Fingerprint of a base64 key blob as `ssh-keygen -l` prints it: `SHA256:` and unpadded base64. */
export function fingerprint(blob: string): string {
  const digest = createHash('sha256').update(Buffer.from(blob, 'base64')).digest('base64')
  return `SHA256:${digest.replace(/=+$/, '')}`
}

/** The type word inside a base64 key blob (RFC 4253, 6.6: a string with a 32-bit length), e.g. `ssh-ed25519`. */
export function hostKeyType(blob: string): string | undefined {
  const bytes = Buffer.from(blob, 'base64')
  if (bytes.length < 4) return undefined
  const length = bytes.readUInt32BE(0)
  return length > 64 || bytes.length < 4 + length ? undefined : bytes.toString('latin1', 4, 4 + length)
}

/** Where a key check happens, for the error's text. */
export interface KeyCheck {
  readonly vmUuid: string
  readonly address: string
  /** Base64 blob the guest must show; undefined: any. */
  readonly pinned: string | undefined
}

/**
 * Judges the host keys that one server shows during one connection. The first good one is the only good one from then
 * on: a server shows its key again when it renegotiates.
 */
export class HostKeyJudge {
  readonly #check: KeyCheck
  #wanted: string | undefined
  #shown: string | undefined
  #refusal: RefusedError | undefined

  constructor(check: KeyCheck) {
    this.#check = check
    this.#wanted = check.pinned?.trim()
  }

  /** Base64 blob of the accepted key. */
  get accepted(): string | undefined {
    return this.#shown
  }

  /** Why the last key was not accepted. */
  get refusal(): RefusedError | undefined {
    return this.#refusal
  }

  accepts(blob: Buffer): boolean {
    const shown = blob.toString('base64')
    if (this.#wanted !== undefined && this.#wanted !== shown) {
      this.#refusal = changed(this.#check, this.#wanted, shown)
      return false
    }
    this.#wanted = shown
    this.#shown = shown
    return true
  }
}

function changed({ vmUuid, address }: KeyCheck, pinned: string, shown: string): RefusedError {
  return new RefusedError({
    kind: 'host-key-changed',
    cause:
      `The SSH host key of the guest at ${address} is ${describe(shown)}, but ${describe(pinned)} is pinned for this VM: ` +
      `the guest was reinstalled, or something else answers at this address`,
    cure:
      `If you expected the change, reset the pin with: xe vm-param-remove uuid=${vmUuid} ` +
      `param-name=other-config param-key=xscontainer-sshhostkey`,
  })
}

function describe(blob: string): string {
  const type = hostKeyType(blob)?.replace(/[^\w@.-]/g, '?') ?? 'unknown type'
  return `${fingerprint(blob)} (${type})`
}
