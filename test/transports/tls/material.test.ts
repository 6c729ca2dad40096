import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { RefusedError } from '../../../src/base/errors.ts'
import { readMaterial, type TlsParts } from '../../../src/transports/tls/material.ts'
import { days, FROM, make, makePki, partsOf, type Pki } from './pki.ts'

describe('TLS material', () => {
  let pki: Pki
  let good: TlsParts
  beforeAll(async () => {
    pki = await makePki('10.0.0.7')
    good = partsOf(pki)
  })

  /** How it is refused with these parts in the good ones' place. */
  function refusal(parts: Partial<TlsParts>, nowMs = Date.now()): RefusedError {
    try {
      readMaterial({ ...good, ...parts }, FROM, nowMs)
    } catch (error) {
      expect(error).toBeInstanceOf(RefusedError)
      expect(String(error)).not.toMatch(/PRIVATE KEY-----\n|MII/)
      return error as RefusedError
    }
    throw new Error('it was accepted')
  }

  test('good parts, in all forms that tools write', async () => {
    const key = createPrivateKey(good.key)
    const forms = [
      good,
      { ...good, key: key.export({ format: 'pem', type: 'pkcs1' }).toString() },
      { ...good, certificate: good.certificate.replaceAll('\n', '\r\n'), key: good.key.replaceAll('\n', '\r\n') },
      { ...good, certificate: `subject=CN = x\n\n${good.certificate}${good.ca}` },
      { ...good, ca: `${(await make('authority')).certificate}\n${good.ca}` },
      { ...good, certificate: good.certificate + good.key, key: good.key + good.certificate },
    ]
    for (const parts of forms) expect(readMaterial(parts, FROM, Date.now()).ends[0]?.what).toBe('client certificate')
  })

  test('swapped, also one alone in the wrong place', () => {
    expect(refusal({ certificate: good.key, key: good.certificate }).diagnosis).toMatchObject({
      kind: 'tls-swapped',
      cause: expect.stringContaining('cert.pem holds a private key, and key.pem a certificate') as string,
    })
    expect(refusal({ certificate: good.key }).message).toContain('cert.pem holds a private key')
    expect(refusal({ key: good.certificate }).message).toContain('key.pem holds a certificate')
    expect(refusal({ ca: good.key }).message).toContain('ca.pem holds a private key')
  })

  test('a key of another certificate', async () => {
    expect(refusal({ key: (await make('client', pki.ca)).key }).diagnosis.kind).toBe('tls-key-mismatch')
  })

  test('dates: ours and the CA’s, to the second', async () => {
    const early = await make('client', pki.ca, { notBefore: days(1) })
    expect(refusal({ certificate: early.certificate, key: early.key }).diagnosis.kind).toBe('tls-not-yet-valid')
    const end = Date.parse(new X509Certificate(good.certificate).validTo)
    expect(readMaterial(good, FROM, end - 1).ends).toEqual([{ what: 'client certificate', endsMs: end }])
    expect(refusal({}, end).diagnosis).toMatchObject({ kind: 'tls-expired' })
    const over = await make('authority', undefined, { notAfter: days(-1) })
    expect(refusal({ ca: over.certificate }).message).toMatch(/CA certificate in ca\.pem has expired/)
  })

  test("the engine's certificate in the place of ours", () => {
    const { certificate, key } = pki.server
    expect(refusal({ certificate, key }).diagnosis.kind).toBe('tls-not-for-clients')
  })

  test('a key with a passphrase, in both forms, with the cure', () => {
    const key = createPrivateKey(good.key)
    const secret = { format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' } as const
    for (const type of ['pkcs1', 'pkcs8'] as const) {
      const { kind, cure } = refusal({ key: key.export({ ...secret, type }).toString() }).diagnosis
      expect([kind, cure]).toEqual(['tls-key-encrypted', expect.stringContaining('openssl pkey')])
    }
  })

  test.each<[string, (good: TlsParts) => Partial<TlsParts>]>([
    ['nothing', () => ({ ca: '' })],
    ['noise', () => ({ certificate: '\u0000\u0001PEM' })],
    ['a certificate that is cut off', ({ certificate }) => ({ certificate: certificate.slice(0, 400) })],
    ['a certificate with a hole', ({ certificate }) => ({ certificate: certificate.replace(/(.{200}).{40}/s, '$1') })],
    ['a key that is cut off', ({ key }) => ({ key: key.slice(0, 400) })],
    ['a key with a hole', ({ key }) => ({ key: key.replace(/(.{200}).{40}/s, '$1') })],
    [
      'a public key',
      () => ({ key: generateKeyPairSync('ed25519').publicKey.export({ format: 'pem', type: 'spki' }).toString() }),
    ],
    ['an SSH key', () => ({ key: '-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n' })],
    ['a megabyte', () => ({ ca: 'x'.repeat(1 << 20) })],
    ['a thousand certificates', ({ ca }) => ({ ca: ca.repeat(301) })],
    ['a megabyte of dashes', () => ({ certificate: '-'.repeat(1 << 20) })],
  ])('%s', (_, parts) => {
    const { kind, cause } = refusal(parts(good)).diagnosis
    expect(kind).toBe('tls-pem')
    expect(cause).toMatch(/(?:ca|cert|key)\.pem (?:has|holds)/)
  })
})
