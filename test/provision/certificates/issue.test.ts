import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeMaterial, type NewMaterial } from '../../../src/provision/certificates/material.ts'
import { windowsDisc } from '../../../src/provision/certificates/windows-disc.ts'

const NOW = Date.parse('2026-11-23T10:00:00.400Z')
const VM = '6d0c1f0e-1111-4222-8333-444455556666'

describe('certificates for one VM', () => {
  let made: NewMaterial
  let dir: string
  beforeAll(async () => {
    made = await makeMaterial(VM, ['10.0.0.17', 'fd00::17', 'localhost'], NOW)
    dir = mkdtempSync(join(tmpdir(), 'xsc-ca-'))
    const texts = { ca: made.ca, server: made.server.certificate, client: made.client.certificate }
    for (const [name, pem] of Object.entries(texts)) writeFileSync(join(dir, name), pem)
  })
  afterAll(() => rmSync(dir, { recursive: true }))

  const openssl = (...words: string[]) => execFileSync('openssl', words, { cwd: dir, encoding: 'utf8' })

  test.each([
    ['server', 'sslserver', 'sslclient'],
    ['client', 'sslclient', 'sslserver'],
  ])('OpenSSL takes the %s certificate, strictly, as %s and not as %s', (name, purpose, other) => {
    const verify = (as: string) =>
      openssl('verify', '-x509_strict', '-attime', String((NOW / 1000) | 0), '-purpose', as, '-CAfile', 'ca', name)
    expect(verify(purpose)).toBe(`${name}: OK\n`)
    expect(() => verify(other)).toThrow()
  })

  test('the CA signs certificates and nothing below another CA; nothing else may', () => {
    const text = (name: string) => openssl('x509', '-in', name, '-noout', '-text')
    expect(text('ca')).toMatch(/CA:TRUE, pathlen:0[^]*Certificate Sign, CRL Sign/)
    for (const name of ['server', 'client']) expect(text(name)).toContain('CA:FALSE')
  })

  test('two years, from a day ago; addresses; serial numbers that are never the same', async () => {
    const [server, client, ca] = [made.server.certificate, made.client.certificate, made.ca].map(
      (pem) => new X509Certificate(pem),
    ) as [X509Certificate, X509Certificate, X509Certificate]
    for (const one of [server, client, ca]) {
      expect([Date.parse(one.validFrom), Date.parse(one.validTo)].map((ms) => new Date(ms).toISOString())).toEqual([
        '2026-11-22T10:00:00.000Z',
        '2028-11-22T10:00:00.000Z',
      ])
    }
    expect(server.subjectAltName).toBe('IP Address:10.0.0.17, IP Address:FD00:0:0:0:0:0:0:17, DNS:localhost')
    expect(server.checkIP('10.0.0.17')).toBe('10.0.0.17')
    const serials = [server, client, ca].map(({ serialNumber }) => serialNumber)
    expect(new Set(serials).size).toBe(3)
    expect(serials.every((serial) => /^[4-7][0-9A-F]{31}$/.test(serial))).toBe(true)
    expect(new X509Certificate(made.server.certificate).publicKey.asymmetricKeyDetails?.modulusLength).toBe(2048)
  })

  test("the CA's key is nowhere; the disc has the engine's part alone, in lines that Windows reads", () => {
    expect(JSON.stringify(made).match(/PRIVATE KEY-----\\n/g)).toHaveLength(4)
    const disc = new Map(windowsDisc(made, 2376).map(({ path, data }) => [path, data.toString()]))
    expect([...disc.values()].join('')).not.toContain(made.client.key.split('\n')[3])
    for (const [, text] of disc) {
      expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/)
      expect(text).toMatch(/^[\x20-\x7e\r\n]*$/)
    }
    expect(JSON.parse(disc.get('daemon.json')!)).toEqual({
      hosts: ['tcp://0.0.0.0:2376', 'npipe://'],
      tlsverify: true,
      tlscacert: 'C:\\ProgramData\\docker\\certs.d\\ca.pem',
      tlscert: 'C:\\ProgramData\\docker\\certs.d\\server-cert.pem',
      tlskey: 'C:\\ProgramData\\docker\\certs.d\\server-key.pem',
    })
    for (const name of ['ca.pem', 'server-cert.pem', 'server-key.pem', 'daemon.json']) {
      expect(disc.get('install.ps1')).toContain(`'${name}'`)
    }
  })
})
