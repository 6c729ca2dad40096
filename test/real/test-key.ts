import { generateKeyPairSync } from 'node:crypto'
import ssh2 from 'ssh2'

export interface TestKey {
  /** Private key as text: PEM (PKCS#1) for RSA, OPENSSH form for ed25519. */
  readonly privateKey: string
  /** `ssh-rsa AAAA.. comment` or `ssh-ed25519 AAAA.. comment`, for authorized_keys. */
  readonly publicKey: string
}

/** A new SSH key pair. RSA of 2048 bits by default, as 4096 takes seconds to make. */
export function testKey(type: 'rsa' | 'ed25519' = 'rsa', bits = 2048): TestKey {
  if (type === 'ed25519') {
    const { private: privateKey, public: publicKey } = ssh2.utils.generateKeyPairSync('ed25519', { comment: 'test' })
    return { privateKey, publicKey }
  }
  const pair = generateKeyPairSync('rsa', { modulusLength: bits })
  const privateKey = pair.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString()
  const parsed = ssh2.utils.parseKey(privateKey)
  if (parsed instanceof Error) throw parsed
  return { privateKey, publicKey: `ssh-rsa ${parsed.getPublicSSH().toString('base64')} test` }
}
