import { generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'

/** The pair that the daemon shows to guests. Never log the private half. */
export interface PoolKeyPair {
  /** PKCS#1 PEM, which the predecessor reads as well. */
  readonly privatePem: string
  /** One line for authorized_keys: `ssh-rsa AAAA.. xscontainer`. */
  readonly publicLine: string
}

/** A new RSA key of 4096 bits: the config-drive template's key line says ssh-rsa, so no other type will do. */
export async function generatePoolKey(): Promise<PoolKeyPair> {
  const { privateKey, publicKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 4096 })
  const { n = '', e = '' } = publicKey.export({ format: 'jwk' })
  const blob = Buffer.concat([sshString(Buffer.from('ssh-rsa')), sshInteger(e), sshInteger(n)])
  return {
    privatePem: privateKey.export({ format: 'pem', type: 'pkcs1' }).toString(),
    publicLine: `ssh-rsa ${blob.toString('base64')} xscontainer`,
  }
}

/** RFC 4251, 5: a string is its length in 32 bits, then its bytes. */
function sshString(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}

/** RFC 4251, 5: a positive mpint has a zero byte before a first byte whose top bit is set. */
function sshInteger(base64url: string): Buffer {
  const bytes = Buffer.from(base64url, 'base64url')
  return sshString((bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.alloc(1), bytes]) : bytes)
}
