import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** The pair that the daemon shows to guests. Never log the private half. */
export interface PoolKeyPair {
  /** PKCS#1 PEM, which the predecessor reads as well. */
  readonly privatePem: string
  /** One line for authorized_keys: `ssh-rsa AAAA.. xscontainer`. */
  readonly publicLine: string
}

const SCRIPT = `
const { privateKey, publicKey } = require('crypto').generateKeyPairSync('rsa', { modulusLength: 4096 })
const { n, e } = publicKey.export({ format: 'jwk' })
process.stdout.write(JSON.stringify([privateKey.export({ format: 'pem', type: 'pkcs1' }), n, e]))`
const MOST_MS = 120_000

/**
 * A new RSA key of 4096 bits: the config-drive template's key line says ssh-rsa, so no other type will do. It is made in
 * a process of its own: a monitor without guests needs OpenSSL for nothing else, and would keep its 2 MB for ever.
 */
export async function generatePoolKey(): Promise<PoolKeyPair> {
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', SCRIPT], { env: {}, timeout: MOST_MS })
  const [privatePem, n, e] = JSON.parse(stdout) as [string, string, string]
  return { privatePem, publicLine: publicLine(n, e) }
}

/** Of the modulus and the exponent in base64url. */
function publicLine(n: string, e: string): string {
  const blob = Buffer.concat([sshString(Buffer.from('ssh-rsa')), sshInteger(e), sshInteger(n)])
  return `ssh-rsa ${blob.toString('base64')} xscontainer`
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
