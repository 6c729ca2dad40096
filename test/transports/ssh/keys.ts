import { generateKeyPairSync } from 'node:crypto'
import { parsePrivateKey, type SshKey } from '../../../src/transports/ssh/ssh-key.ts'

export interface TestKey {
  readonly pem: string
  readonly key: SshKey
  readonly publicLine: string
}

/** A short RSA key: quick to make. */
export function makeKey(): TestKey {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const pem = privateKey.export({ format: 'pem', type: 'pkcs1' }).toString()
  const key = parsePrivateKey(pem)
  return { pem, key, publicLine: key.publicLine }
}
