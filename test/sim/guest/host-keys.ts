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

/** How long the public blob of an ed25519 key is: two length words, its name, 32 bytes. */
const ED25519_BLOB = 4 + 11 + 4 + 32

/** A new ed25519 pair. One of 256 that ssh2 makes is unusable: it cuts leading zero bytes off the public half. */
export function ed25519Pair(): { private: string; public: string } {
  for (;;) {
    const pair = ssh2.utils.generateKeyPairSync('ed25519')
    const blob = Buffer.from(pair.public.split(' ')[1] ?? '', 'base64')
    if (blob.length === ED25519_BLOB) return pair
  }
}

/** A new ed25519 key (less than a millisecond), the process's RSA key, or the key in the given text. */
export function hostKeyFor(choice: string = 'ed25519'): HostKey {
  if (choice === 'ed25519') return hostKeyOf(ed25519Pair().private)
  if (choice === 'rsa')
    return (rsaOnce.key ??= hostKeyOf(ssh2.utils.generateKeyPairSync('rsa', { bits: 2048 }).private))
  return hostKeyOf(choice)
}

function hostKeyOf(privateKey: string): HostKey {
  const parsed = ssh2.utils.parseKey(privateKey)
  if (parsed instanceof Error) throw parsed
  return { privateKey, publicBase64: parsed.getPublicSSH().toString('base64'), type: parsed.type }
}
