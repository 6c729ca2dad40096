import type { Clock } from '../../base/clock.ts'
import type { GuestLink, Target } from '../../model/guest.ts'
import type { SecretStore } from '../../model/stores.ts'
import type { StepRecorder, StepTitles } from '../../operations/diagnose.ts'
import { printable } from '../../transports/tls/printable.ts'
import type { TlsStep } from '../../transports/tls/probe.ts'
import type { Config } from '../config.ts'
import { expiryWarning, firstToEnd } from '../tls/certificate-warnings.ts'
import { tlsWithSecrets } from '../tls/tls-with-secrets.ts'

/** The way from XAPI's record of a VM in mode tls to the containers in it. */
export const TLS_STEPS: StepTitles = [
  ['registered', 'registered for container management'],
  ['running', 'VM is running'],
  ['reported', 'guest tools report an address'],
  ['address', 'address to dial'],
  ['certificates', "certificates and key in the VM's secrets"],
  ['tcp', 'TCP connection'],
  ['tls', "TLS handshake, engine's certificate against the CA"],
  ['client', 'engine accepts our certificate'],
  ['engine', 'engine answers, version in range'],
  ['list', 'container list'],
  ['clock', "guest's clock"],
]

export interface TlsWalk {
  readonly clock: Clock
  readonly config: Pick<Config, 'guest'>
  readonly store: Pick<SecretStore, 'read'>
  readonly steps: StepRecorder
}

/** The steps from the VM's secrets to its engine. Rejects with what failed. */
export async function walkTls(walk: TlsWalk, target: Target, signal: AbortSignal): Promise<GuestLink> {
  const { clock, config, store, steps } = walk
  const observe = (step: TlsStep) => tell(steps, config.guest.tls_port, step)
  const link = await tlsWithSecrets(store, { clock, observe }, config.guest).connect(target, signal)
  const { certificates } = link.facts
  const first = firstToEnd(certificates)
  const until = first === undefined ? '' : `; all hold until ${new Date(first.endsMs).toISOString().slice(0, 10)}`
  const warning = expiryWarning(certificates, clock.now())
  steps.note(warning === undefined ? `yes${until}` : `yes, but ${warning}: xscontainer tls renew ${target.vmUuid}`)
  return link
}

function tell(steps: StepRecorder, port: number, step: TlsStep): void {
  switch (step.at) {
    case 'material':
      return steps.enter('certificates')
    case 'tcp':
      steps.enter('tcp')
      return steps.note(`${step.address} port ${port}`)
    case 'handshake':
      return steps.enter('tls')
    case 'proof': {
      const { protocol, peer } = step
      const names = peer?.subjectAltName === undefined ? '' : `, for ${printable(peer.subjectAltName, 120)}`
      steps.note(`${protocol}${names}`)
      return steps.enter('client')
    }
  }
}
