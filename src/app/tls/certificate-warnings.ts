import type { Clock } from '../../base/clock.ts'
import type { CertificateEnd, Transport } from '../../model/guest.ts'
import type { Notices } from '../../publish/notices.ts'

/** So long before a certificate ends somebody is told. */
const WARN_MS = 30 * 86_400_000

export const CERTIFICATE_TITLE = 'Container Management certificate of VM expires'

/** Which of these certificates ends first, and when; undefined when there are none. */
export function firstToEnd(certificates: readonly CertificateEnd[] | undefined): CertificateEnd | undefined {
  return certificates?.reduce<CertificateEnd | undefined>(
    (first, one) => (first !== undefined && first.endsMs <= one.endsMs ? first : one),
    undefined,
  )
}

/** A sentence without a full stop at its end about the certificate that ends first; undefined unless that is soon. */
export function expiryWarning(certificates: readonly CertificateEnd[] | undefined, nowMs: number): string | undefined {
  const first = firstToEnd(certificates)
  if (first === undefined || first.endsMs - nowMs > WARN_MS) return undefined
  return `the ${first.what} ${first.endsMs <= nowMs ? 'has expired' : 'expires'} on ${isoDay(first.endsMs)}`
}

/** Messages about certificates that end soon: one per VM, there until others are in use. */
export class CertificateWarnings {
  readonly #clock: Pick<Clock, 'now'>
  readonly #notices: Pick<Notices, 'mayExist' | 'want' | 'forget'>
  readonly #vms = new Map<string, readonly CertificateEnd[]>()

  constructor(clock: Pick<Clock, 'now'>, notices: Pick<Notices, 'mayExist' | 'want' | 'forget'>) {
    this.#clock = clock
    this.#notices = notices
  }

  /** The transport, whose links are looked at from now on. */
  over(transport: Transport): Transport {
    return {
      name: transport.name,
      connect: async (target, signal, entered) => {
        const link = await transport.connect(target, signal, entered)
        this.#linked(target.vmUuid, link.facts.certificates)
        return link
      },
    }
  }

  /** Time to look whether one has come close to its end. */
  look(): void {
    for (const [vmUuid, certificates] of this.#vms) this.#tell(vmUuid, certificates)
  }

  /** Nobody monitors the VM any more. */
  gone(vmUuid: string): void {
    this.#vms.delete(vmUuid)
    this.#notices.want(vmUuid, undefined)
  }

  /** Another host looks after the VM, and after messages about it. */
  forget(vmUuid: string): void {
    this.#vms.delete(vmUuid)
    this.#notices.forget(vmUuid)
  }

  #linked(vmUuid: string, certificates: readonly CertificateEnd[] | undefined): void {
    if (certificates === undefined) {
      if (this.#vms.has(vmUuid)) this.gone(vmUuid)
      return
    }
    // Once: each look for messages costs XAPI some.
    if (!this.#vms.has(vmUuid)) this.#notices.mayExist(vmUuid)
    this.#vms.set(vmUuid, certificates)
    this.#tell(vmUuid, certificates)
  }

  #tell(vmUuid: string, certificates: readonly CertificateEnd[]): void {
    const warning = expiryWarning(certificates, this.#clock.now())
    const body =
      warning === undefined
        ? undefined
        : `${warning.replace(/^./, (letter) => letter.toUpperCase())}; the VM cannot be monitored then. Renew it before: xscontainer tls renew ${vmUuid}`
    this.#notices.want(vmUuid, body)
  }
}

function isoDay(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}
