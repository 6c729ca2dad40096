import { createPrivateKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { issue, type CertificateWish, type Identity } from '../../../src/provision/certificates/issue.ts'
import type { TlsParts } from '../../../src/transports/tls/material.ts'

/** Making RSA keys is slow; each certificate takes the next of these. */
const keys =
  readFileSync(new URL('./test-keys.pem', import.meta.url), 'utf8').match(/-----BEGIN[^]+?END[^\n]+\n/g) ?? []
let taken = 0
const nextKey = () => Promise.resolve(createPrivateKey(keys[taken++ % keys.length]!))

const DAY_MS = 86_400_000

/** A date so many days from now, within the second. */
export function days(count: number): Date {
  return new Date(Math.floor(Date.now() / 1000) * 1000 + count * DAY_MS)
}

export function make(
  use: CertificateWish['use'],
  issuer?: Identity,
  more: Partial<CertificateWish> = {},
): Promise<Identity> {
  const wish = { commonName: `test ${use}`, notBefore: days(-2), notAfter: days(300), use, ...more }
  return issue(wish, issuer, nextKey)
}

/** A CA, an engine's certificate for these addresses, and a client's. */
export interface Pki {
  readonly ca: Identity
  readonly server: Identity
  readonly client: Identity
}

export async function makePki(...names: string[]): Promise<Pki> {
  const ca = await make('authority', undefined, { commonName: 'test CA', notAfter: days(400) })
  const [server, client] = await Promise.all([
    make('server', ca, { names }),
    make('client', ca, { notAfter: days(200) }),
  ])
  return { ca, server, client }
}

export function partsOf({ ca, client }: Pick<Pki, 'ca' | 'client'>): TlsParts {
  return { ca: ca.certificate, certificate: client.certificate, key: client.key }
}

export const FROM: TlsParts = { ca: 'ca.pem', certificate: 'cert.pem', key: 'key.pem' }
