import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'
import { createSecureContext, type SecureContext } from 'node:tls'
import { RefusedError, type Diagnosis } from '../../base/errors.ts'
import type { CertificateEnd } from '../../model/guest.ts'
import { printable } from './printable.ts'

/** The three parts by name, as PEM text or as where that comes from. */
export interface TlsParts {
  /** Certificates of the CA that signed the engine's certificate. */
  readonly ca: string
  /** The client certificate, with those between it and its CA after it where there are any. */
  readonly certificate: string
  /** The client certificate's private key. Never for logs. */
  readonly key: string
}

/** Checked material, ready for use. */
export interface TlsMaterial {
  readonly context: SecureContext
  /** Until when our own part of it holds. */
  readonly ends: readonly CertificateEnd[]
  /** The client certificate itself. */
  readonly certificate: X509Certificate
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g
const PRIVATE_KEY = /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/
/** A list of all public CAs has some 200 KB. */
const MOST_CHARS = 512 * 1024
const MOST_CERTIFICATES = 300
/** Extended key usages (RFC 5280, 4.2.1.12): for TLS clients, and for anything. */
const FOR_CLIENTS = ['1.3.6.1.5.5.7.3.2', '2.5.29.37.0']

/**
 * Reads PEM texts and checks what can be checked without the engine: that each is what its name says, that the key
 * belongs to the certificate, and that they hold at `nowMs`. `from` names each part's origin for the errors. Throws RefusedError.
 */
export function readMaterial(pems: TlsParts, from: TlsParts, nowMs: number): TlsMaterial {
  demandPlaces(pems, from)
  const [certificate] = certificatesIn(pems.certificate, 'client certificate', from.certificate)
  const key = keyIn(pems.key, from.key)
  const authorities = certificatesIn(pems.ca, 'CA certificate', from.ca)
  if (certificate === undefined || !certificate.checkPrivateKey(key)) throw notItsKey(from)
  demandValid(certificate, 'client certificate', from.certificate, nowMs)
  demandForClients(certificate, from.certificate)
  const [usable] = authorities.filter((authority) => endOf(authority) > nowMs)
  if (usable === undefined) demandValid(authorities[0]!, 'CA certificate', from.ca, nowMs)
  return {
    context: contextOf(pems, from),
    ends: [{ what: 'client certificate', endsMs: endOf(certificate) }],
    certificate,
  }
}

/** When a certificate ends, milliseconds since the epoch. */
export function endOf(certificate: X509Certificate): number {
  return Date.parse(certificate.validTo)
}

/** Names what stands in another's place before it is read: exchanged parts are the commonest mistake. */
function demandPlaces(pems: TlsParts, from: TlsParts): void {
  const isKey = (text: string) => PRIVATE_KEY.test(text) && !text.includes('-----BEGIN CERTIFICATE-----')
  const isCertificate = (text: string) => text.includes('-----BEGIN CERTIFICATE-----') && !PRIVATE_KEY.test(text)
  if (isKey(pems.certificate) && isCertificate(pems.key)) {
    throw new RefusedError({
      kind: 'tls-swapped',
      cause: `Client certificate and client key are swapped: ${from.certificate} holds a private key, and ${from.key} a certificate`,
      cure: 'Name them the other way round',
    })
  }
  if (isKey(pems.ca)) throw wrongThing('CA certificate', from.ca, 'holds a private key')
  if (isKey(pems.certificate)) throw wrongThing('client certificate', from.certificate, 'holds a private key')
  if (isCertificate(pems.key)) throw wrongThing('client key', from.key, 'holds a certificate')
}

function certificatesIn(text: string, what: string, from: string): X509Certificate[] {
  const blocks = text.length > MOST_CHARS ? [] : (text.match(CERTIFICATE) ?? [])
  if (blocks.length === 0) throw wrongThing(what, from, 'has no certificate in PEM form (-----BEGIN CERTIFICATE-----)')
  if (blocks.length > MOST_CERTIFICATES) throw wrongThing(what, from, `has more than ${MOST_CERTIFICATES} certificates`)
  return blocks.map((block) => {
    try {
      return new X509Certificate(block)
    } catch {
      throw wrongThing(what, from, 'has a certificate that cannot be read: it is cut off or damaged')
    }
  })
}

function keyIn(text: string, from: string): KeyObject {
  if (text.length > MOST_CHARS || !PRIVATE_KEY.test(text)) {
    throw wrongThing('client key', from, 'has no private key in PEM form (-----BEGIN PRIVATE KEY-----)')
  }
  try {
    return createPrivateKey(text)
  } catch (error) {
    if (isEncrypted(text, error)) {
      throw new RefusedError({
        kind: 'tls-key-encrypted',
        cause: `The client key in ${from} is protected by a passphrase`,
        cure: 'Take the passphrase off: openssl pkey -in key.pem -out key-plain.pem',
      })
    }
    // What the library says may hold parts of the key.
    throw wrongThing('client key', from, 'has a private key that cannot be read: it is cut off or damaged')
  }
}

function isEncrypted(text: string, error: unknown): boolean {
  const code = (error as { code?: unknown } | undefined)?.code
  return /ENCRYPTED/.test(text) || code === 'ERR_MISSING_PASSPHRASE'
}

function demandValid(certificate: X509Certificate, what: string, from: string, nowMs: number): void {
  const ended = endOf(certificate) <= nowMs
  if (!ended && Date.parse(certificate.validFrom) <= nowMs) return
  const cause = ended
    ? `The ${what} in ${from} has expired: it was valid until ${dateOf(certificate.validTo)}`
    : `The ${what} in ${from} is not valid yet: it begins at ${dateOf(certificate.validFrom)}`
  const cure = ended
    ? 'Renew it: xscontainer tls renew VM'
    : "Check this host's clock (chronyc tracking), or wait until then"
  throw new RefusedError({ kind: ended ? 'tls-expired' : 'tls-not-yet-valid', cause, cure })
}

/** Where a certificate says what it is for, that must include being a client. */
function demandForClients(certificate: X509Certificate, from: string): void {
  // Node names extended key usages so; a certificate without any may be used for all.
  const usages = (certificate.keyUsage as readonly string[] | undefined) ?? []
  if (usages.length === 0 || usages.some((usage) => FOR_CLIENTS.includes(usage))) return
  throw new RefusedError({
    kind: 'tls-not-for-clients',
    cause: `The client certificate in ${from} is not made for clients (its extended key usage lacks clientAuth)`,
    cure: "Name a client certificate: this looks like the engine's own",
  })
}

function contextOf(pems: TlsParts, from: TlsParts): SecureContext {
  try {
    return createSecureContext({ ca: pems.ca, cert: pems.certificate, key: pems.key, minVersion: 'TLSv1.2' })
  } catch (error) {
    const said = printable((error as { code?: unknown } | undefined)?.code ?? 'unknown reason')
    throw wrongThing('client certificate', from.certificate, `is not usable with this host's OpenSSL (${said})`)
  }
}

function notItsKey(from: TlsParts): RefusedError {
  return new RefusedError({
    kind: 'tls-key-mismatch',
    cause: `The client key in ${from.key} does not belong to the client certificate in ${from.certificate}`,
    cure: 'Name a key and a certificate that were made together',
  })
}

function wrongThing(what: string, from: string, why: string): RefusedError {
  const diagnosis: Diagnosis = {
    kind: 'tls-pem',
    cause: `The ${what} is not usable: ${from} ${why}`,
    cure: `Put the ${what} in PEM form there (xscontainer prepare-vm --mode tls does it)`,
  }
  return new RefusedError(diagnosis)
}

/** As `2026-11-23T10:00:00Z`. */
export function dateOf(text: string): string {
  return new Date(Date.parse(text)).toISOString().replace(/\.\d+Z$/, 'Z')
}
