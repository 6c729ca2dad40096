import { RefusedError } from '../../base/errors.ts'
import type { Clock } from '../../base/clock.ts'
import { KEY } from '../../model/fields.ts'
import type { Target, TlsSecrets } from '../../model/guest.ts'
import type { SecretStore } from '../../model/stores.ts'
import { readMaterial, type TlsMaterial, type TlsParts } from '../../transports/tls/material.ts'

/** The other_config key of each part. */
export const TLS_KEYS = { certificate: KEY.tlsCertificate, key: KEY.tlsKey, ca: KEY.tlsCa } as const

/**
 * Reads the material of a VM from the secrets that it names, and checks it. It is kept in memory only, for as long as
 * the link that was made with it. Rejects with a DiagnosedError.
 */
export function vmMaterial(store: Pick<SecretStore, 'read'>, clock: Pick<Clock, 'now'>) {
  return async ({ tls }: Target, signal: AbortSignal): Promise<TlsMaterial> => {
    const secrets: TlsSecrets = tls ?? { ca: '', certificate: '', key: '' }
    const read = async (part: keyof TlsSecrets) => {
      const pem = secrets[part] === '' ? undefined : await store.read(secrets[part], signal)
      if (pem === undefined) throw secretGone(part, secrets[part])
      return pem
    }
    const [ca, certificate, key] = await Promise.all([read('ca'), read('certificate'), read('key')])
    return readMaterial({ ca, certificate, key }, placesOf(secrets), clock.now())
  }
}

/** Where each part is, for people. */
export function placesOf(secrets: TlsSecrets): TlsParts {
  const place = (part: keyof TlsSecrets) => `secret ${shown(secrets[part])} (${TLS_KEYS[part]})`
  return { ca: place('ca'), certificate: place('certificate'), key: place('key') }
}

function secretGone(part: keyof TlsSecrets, uuid: string): RefusedError {
  return new RefusedError({
    kind: 'tls-secret-gone',
    cause: `The VM's other-config key ${TLS_KEYS[part]} names secret ${shown(uuid)}, but there is no such secret`,
    cure: 'Put the certificates there again: xscontainer prepare-vm --mode tls',
  })
}

function shown(uuid: string): string {
  return /^[0-9a-f-]{36}$/i.test(uuid) ? uuid : JSON.stringify(uuid.slice(0, 40))
}
