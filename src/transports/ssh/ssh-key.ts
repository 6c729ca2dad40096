import { createPrivateKey, sign, type KeyObject } from 'node:crypto'
import ssh2, { type ParsedKey } from 'ssh2'
import { RefusedError, type Diagnosis } from '../../base/errors.ts'

/** The pool's key, parsed once and then used for every guest. */
export interface SshKey {
  /** One line for authorized_keys: type, base64, comment. */
  readonly publicLine: string
  /** As ssh2 takes it in place of PEM text. Never log it. */
  readonly parsed: ParsedKey
}

/**
 * Reads a private key in PKCS#1, PKCS#8 or SEC1 PEM, or in OpenSSH's own form. Throws a RefusedError that never quotes
 * key text.
 */
export function parsePrivateKey(text: string): SshKey {
  const pem = `${text.replace(/\r\n?/g, '\n').trim()}\n`
  if (isEncrypted(pem)) throw new RefusedError(encrypted)
  const parsed = parse(pem.startsWith('-----BEGIN OPENSSH ') ? pem : classicPem(pem))
  if (parsed.type === 'ssh-rsa') signFaster(parsed)
  return { publicLine: `${parsed.type} ${parsed.getPublicSSH().toString('base64')} xscontainer`, parsed }
}

function parse(pem: string): ParsedKey {
  const result: unknown = ssh2.utils.parseKey(pem)
  // OpenSSH's form can hold several keys: ssh2 then gives a list, its types do not say so.
  const key = (Array.isArray(result) ? result[0] : result) as ParsedKey | Error | undefined
  if (key === undefined || key instanceof Error || key.type === 'ssh-dss' || !key.isPrivateKey()) {
    throw new RefusedError(unreadable)
  }
  return key
}

/** ssh2 does not read PKCS#8: hand it what it reads. */
function classicPem(pem: string): string {
  const key = nodeKey(pem)
  if (key.asymmetricKeyType === 'rsa') return key.export({ format: 'pem', type: 'pkcs1' }).toString()
  if (key.asymmetricKeyType === 'ec') return key.export({ format: 'pem', type: 'sec1' }).toString()
  throw new RefusedError(unreadable)
}

function nodeKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem)
  } catch {
    throw new RefusedError(unreadable) // without its cause: OpenSSL's texts are of no use here
  }
}

/** ssh2 parses the PEM text again for each signature. */
function signFaster(key: ParsedKey): void {
  const parsedOnce = nodeKey(key.getPrivatePEM())
  key.sign = (data, algorithm) => sign(algorithm ?? 'sha256', Buffer.from(data), parsedOnce)
}

function isEncrypted(pem: string): boolean {
  if (/^-----BEGIN ENCRYPTED PRIVATE KEY|^Proc-Type:.*ENCRYPTED/m.test(pem)) return true
  const openssh = /^-----BEGIN OPENSSH PRIVATE KEY-----\n([^-]+)/.exec(pem)?.[1]
  if (openssh === undefined) return false
  // PROTOCOL.key of OpenSSH: "openssh-key-v1\0", then the cipher's name as a string with a 32-bit length
  const cipher = Buffer.from(openssh, 'base64').toString('latin1', 19, 23)
  return cipher !== 'none'
}

const reset =
  'Put an unencrypted RSA key in PEM form into the XAPI secret that the pool names in other-config ' +
  'xscontainer-private-secret-uuid, or remove that key so that a new pair is made'

const encrypted: Diagnosis = {
  kind: 'key-encrypted',
  cause: "The pool's SSH private key is protected by a passphrase, which nobody is there to type",
  cure: reset,
}

const unreadable: Diagnosis = {
  kind: 'key-unreadable',
  cause:
    "The pool's SSH private key cannot be read: it is neither a PEM nor an OpenSSH private key of type RSA, ECDSA or Ed25519",
  cure: reset,
}
