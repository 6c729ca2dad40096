import { systemClock } from '../../../src/base/clock.ts'
import { readMaterial, type TlsParts } from '../../../src/transports/tls/material.ts'
import { TlsTransport } from '../../../src/transports/tls/tls-transport.ts'
import { target as sshTarget } from '../ssh/trial.ts'
import { FROM } from './pki.ts'

export { failure, NEVER } from '../ssh/trial.ts'

export function transport(
  parts: TlsParts,
  port: number,
  limits: { connectTimeoutMs?: number; keepaliveMs?: number } = {},
): TlsTransport {
  const material = () => Promise.resolve().then(() => readMaterial(parts, FROM, Date.now()))
  return new TlsTransport(
    { clock: systemClock, material },
    { port, connectTimeoutMs: 10_000, keepaliveMs: 60_000, ...limits },
  )
}

export const target = (address: string, ...others: string[]) =>
  sshTarget(address, { mode: 'tls', addresses: [address, ...others], username: 'core' })
