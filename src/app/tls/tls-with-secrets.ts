import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { Transport } from '../../model/guest.ts'
import type { SecretStore } from '../../model/stores.ts'
import type { TlsObserver } from '../../transports/tls/probe.ts'
import { TlsTransport } from '../../transports/tls/tls-transport.ts'
import type { Config } from '../config.ts'
import { vmMaterial } from './vm-material.ts'

export interface TlsDeps {
  readonly clock: Clock
  readonly log?: Pick<Log, 'debug'>
  readonly observe?: TlsObserver
}

/** Reaches engines over TLS with what the secrets of their VMs hold. */
export function tlsWithSecrets(store: Pick<SecretStore, 'read'>, deps: TlsDeps, guest: Config['guest']): Transport {
  const { tls_port: port, connect_timeout_s, keepalive_s } = guest
  const limits = { port, connectTimeoutMs: connect_timeout_s * 1000, keepaliveMs: keepalive_s * 1000 }
  return new TlsTransport({ ...deps, material: vmMaterial(store, deps.clock) }, limits)
}
