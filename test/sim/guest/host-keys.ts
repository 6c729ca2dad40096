import ssh2 from 'ssh2'

/** A host key as the simulator holds it. */
export interface HostKey {
  /** Private key, OpenSSH or PEM text. */
  readonly privateKey: string
  /** Base64 of the public key blob: what a client pins. */
  readonly publicBase64: string
  readonly type: string
}

/** Making an RSA key takes long, so all guests of a process that want one share it. */
const rsaOnce: { key?: HostKey } = {}

/** A new ed25519 key (less than a millisecond), the process's RSA key, or the key in the given text. */
export function hostKeyFor(choice: string = 'ed25519'): HostKey {
  if (choice === 'ed25519') return hostKeyOf(ssh2.utils.generateKeyPairSync('ed25519').private)
  if (choice === 'rsa')
    return (rsaOnce.key ??= hostKeyOf(ssh2.utils.generateKeyPairSync('rsa', { bits: 2048 }).private))
  return hostKeyOf(choice)
}

function hostKeyOf(privateKey: string): HostKey {
  const parsed = ssh2.utils.parseKey(privateKey)
  if (parsed instanceof Error) throw parsed
  return { privateKey, publicBase64: parsed.getPublicSSH().toString('base64'), type: parsed.type }
}
