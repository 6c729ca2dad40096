import { createPublicKey, generateKeyPair, randomBytes, type KeyObject } from 'node:crypto'
import { isIP } from 'node:net'
import { promisify } from 'node:util'
import forge from 'node-forge'

/** A certificate and its private key, both in PEM form. Never log the key. */
export interface Identity {
  readonly certificate: string
  readonly key: string
}

export interface CertificateWish {
  /** For people; cut to the 64 characters that X.520 allows. */
  readonly commonName: string
  readonly notBefore: Date
  readonly notAfter: Date
  /** `server` carries the addresses and names that clients dial; `client` proves whoever holds its key. */
  readonly use: 'authority' | 'server' | 'client'
  /** IP addresses and DNS names, for `server`. */
  readonly names?: readonly string[]
}

const BITS = 2048
const ORGANIZATION = 'xscontainer'
/** GeneralName, RFC 5280, 4.2.1.6. */
const DNS_NAME = 2
const IP_ADDRESS = 7

/**
 * Makes a key and a certificate for it, signed by `issuer` or, for an authority, by itself: RSA 2048, SHA-256, a random
 * serial number. Some 0.2 s of CPU.
 */
export async function issue(wish: CertificateWish, issuer?: Identity, makeKey = newKey): Promise<Identity> {
  const privateKey = await makeKey()
  const publicKey = createPublicKey(privateKey)
  const key = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
  const { pki } = forge
  const certificate = pki.createCertificate()
  certificate.publicKey = pki.publicKeyFromPem(publicKey.export({ format: 'pem', type: 'spki' }).toString())
  certificate.serialNumber = serialNumber()
  certificate.validity.notBefore = wish.notBefore
  certificate.validity.notAfter = wish.notAfter
  certificate.setSubject(subjectOf(wish.commonName))
  const signer = issuer === undefined ? certificate : pki.certificateFromPem(issuer.certificate)
  certificate.setIssuer(signer.subject.attributes)
  certificate.setExtensions([...extensionsOf(wish), ...keyIdentifiers(signer)])
  certificate.sign(pki.privateKeyFromPem(issuer?.key ?? key), forge.md.sha256.create())
  return { certificate: pki.certificateToPem(certificate).replace(/\r/g, ''), key }
}

async function newKey(): Promise<KeyObject> {
  return (await promisify(generateKeyPair)('rsa', { modulusLength: BITS })).privateKey
}

/** 16 random bytes, positive and not zero, as RFC 5280, 4.1.2.2 wants it. */
function serialNumber(): string {
  const bytes = randomBytes(16)
  bytes[0] = (bytes[0]! & 0x3f) | 0x40
  return bytes.toString('hex')
}

/** ASCII only: forge writes other characters in one way and reads them in another. */
function subjectOf(commonName: string): forge.pki.CertificateField[] {
  return [
    { name: 'organizationName', value: ORGANIZATION },
    { name: 'commonName', value: commonName.replace(/[^\x20-\x7e]/g, '?').slice(0, 64) },
  ]
}

function extensionsOf({ use, names = [] }: CertificateWish): object[] {
  if (use === 'authority') {
    return [
      { name: 'basicConstraints', critical: true, cA: true, pathLenConstraint: 0 },
      { name: 'keyUsage', critical: true, keyCertSign: true, cRLSign: true },
    ]
  }
  return [
    { name: 'basicConstraints', critical: true, cA: false },
    { name: 'keyUsage', critical: true, digitalSignature: true, keyEncipherment: use === 'server' },
    { name: 'extKeyUsage', serverAuth: use === 'server', clientAuth: use === 'client' },
    ...(use === 'server' ? [{ name: 'subjectAltName', altNames: names.map(altName) }] : []),
  ]
}

function altName(name: string): object {
  return isIP(name) === 0 ? { type: DNS_NAME, value: name } : { type: IP_ADDRESS, ip: name }
}

/** Which key signed it, so that whoever looks for the issuer among several of the same name finds it. */
function keyIdentifiers(signer: forge.pki.Certificate): object[] {
  const ofSigner = signer.generateSubjectKeyIdentifier().getBytes()
  return [{ name: 'subjectKeyIdentifier' }, { name: 'authorityKeyIdentifier', keyIdentifier: ofSigner }]
}
