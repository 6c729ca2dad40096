import type { X509Certificate } from 'node:crypto'
import { DiagnosedError, RefusedError, StoppedError, TransientError, type Diagnosis } from '../../base/errors.ts'
import { dateOf } from './material.ts'
import { printable } from './printable.ts'
import { SILENT } from '../silence.ts'

/**
 * How far a connection has come; `proof`: our side of the handshake is over, and the engine, which has not answered
 * anything yet, may still refuse us.
 */
export type TlsPhase = 'tcp' | 'handshake' | 'proof' | 'open'

export interface TlsWhere {
  readonly address: string
  readonly port: number
}

/** Nobody speaks TLS at this address now: another address of the guest may do. */
export class UnreachableError extends TransientError {}

const CHECK_ADDRESS = "set the VM's other-config key xscontainer-address when another address should be used"
const RENEW = 'xscontainer tls renew VM makes new certificates'
const TURN_ON = "set tlsverify, tlscacert, tlscert and tlskey in the engine's daemon.json"

/** Why a connection failed, from what Node said of it; `peer`: the certificate that the engine has shown. */
export function tlsError(
  error: Error,
  phase: TlsPhase,
  where: TlsWhere,
  peer: X509Certificate | undefined,
): DiagnosedError | StoppedError {
  if (error instanceof DiagnosedError || error instanceof StoppedError) return error
  const code = codeOf(error)
  if (phase === 'tcp') return new UnreachableError(tcpDiagnosis(code, where), { cause: error })
  const refused =
    alertError(code, error.message, where) ?? certificateError(code, error, where, peer) ?? spokenError(code, where)
  if (refused !== undefined) return refused
  const connected = phase === 'proof' || phase === 'open'
  if (connected && SILENT.has(code)) return new TransientError(silent(where), { cause: error })
  if (phase === 'open') return new TransientError(lost(code, where), { cause: error })
  if (phase === 'proof' || peer !== undefined) return hungUp(where, error)
  return new TransientError(
    {
      kind: 'tls-closed',
      cause: `The container engine at ${at(where)} closed the connection during the TLS handshake`,
      cure: 'Check the log of the engine in the guest, and that nothing between it and this host filters connections',
    },
    { cause: error },
  )
}

/** Why a connection took too long. */
export function lateError(phase: TlsPhase, where: TlsWhere): DiagnosedError {
  if (phase === 'tcp') return new UnreachableError(tcpDiagnosis('ETIMEDOUT', where))
  return new UnreachableError({
    kind: 'tls-silent',
    cause: `Something accepts connections at ${at(where)}, but does not answer in TLS`,
    cure: `Check whether the engine in the guest hangs, and that it uses TLS: ${TURN_ON}`,
  })
}

/** The guest has gone without a word; every stream of its link ends with this. */
export function silent(where: TlsWhere): Diagnosis {
  return {
    kind: 'link-silent',
    cause: `The guest at ${where.address} stopped answering on its TLS connections`,
    cure: 'Check that the VM runs and that its network works',
  }
}

export function isSilent(error: Error | undefined): boolean {
  return error instanceof TransientError && error.diagnosis.kind === 'link-silent'
}

function lost(code: string, where: TlsWhere): Diagnosis {
  return {
    kind: 'link-lost',
    cause: `The container engine at ${at(where)} broke the connection${code === '' ? '' : ` (${printable(code)})`}`,
    cure: 'Check whether the guest or its engine restarts, and the log of the engine',
  }
}

function tcpDiagnosis(code: string, where: TlsWhere): Diagnosis {
  switch (code) {
    case 'ECONNREFUSED':
      return {
        kind: 'tls-refused',
        cause: `No container engine listens at ${at(where)} (connection refused)`,
        cure: `Have the engine listen there (hosts in its daemon.json), with TLS; ${CHECK_ADDRESS}`,
      }
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EHOSTDOWN':
      return {
        kind: 'no-route',
        cause: `No route from this host's control domain to the guest at ${where.address}`,
        cure: `Connect the guest to a network that the control domain reaches; ${CHECK_ADDRESS}`,
      }
    case 'ETIMEDOUT':
      return {
        kind: 'tls-timeout',
        cause: `No answer from the guest at ${at(where)}`,
        cure: `Open the port in the guest's firewall and check that the control domain reaches its network; ${CHECK_ADDRESS}`,
      }
    default:
      return {
        kind: 'tls-network',
        cause: `The connection to the guest at ${at(where)} failed (${printable(code)})`,
        cure: `Check the network between the control domain and the guest; ${CHECK_ADDRESS}`,
      }
  }
}

/** Alerts of the engine (RFC 8446, 6.2). With TLS 1.3 they come after our side of the handshake is over. */
function alertError(code: string, text: string, where: TlsWhere): DiagnosedError | undefined {
  const alert =
    /ALERT_([A-Z_]+)$/.exec(code)?.[1] ?? /alert ([a-z ]+)/i.exec(text)?.[1]?.trim().replace(/ /g, '_').toUpperCase()
  if (alert === undefined) return undefined
  const why = REFUSALS[alert.replace(/^NO_CERTIFICATE$/, 'CERTIFICATE_REQUIRED')]
  if (why !== undefined) {
    return new RefusedError({
      kind: 'tls-client-refused',
      cause: `The container engine at ${at(where)} refused our client certificate: ${why[0]}`,
      cure: why[1],
    })
  }
  if (alert !== 'PROTOCOL_VERSION' && alert !== 'HANDSHAKE_FAILURE') return undefined
  return noCommonWay(where)
}

/** Some servers say nothing, but hang up as soon as they have seen a certificate that they do not take. */
function hungUp(where: TlsWhere, error: Error): RefusedError {
  return new RefusedError(
    {
      kind: 'tls-client-refused',
      cause: `The container engine at ${at(where)} hung up on our client certificate, without a word: most likely it does not accept it`,
      cure: SAME_CA,
    },
    { cause: error },
  )
}

const SAME_CA = `Give the engine the CA of the client certificate (tlscacert in its daemon.json), or ${RENEW}`
const REFUSALS: Readonly<Record<string, readonly [why: string, cure: string]>> = {
  BAD_CERTIFICATE: ['it takes it for a bad one, mostly because another CA has signed it', SAME_CA],
  UNKNOWN_CA: ['it does not know the CA that has signed it', SAME_CA],
  CERTIFICATE_UNKNOWN: ['it does not accept it', SAME_CA],
  UNSUPPORTED_CERTIFICATE: ['it does not take certificates of this type', SAME_CA],
  CERTIFICATE_EXPIRED: ['it takes it for expired', `Check the guest's clock; ${RENEW}`],
  CERTIFICATE_REVOKED: ['it was revoked', `Use another one: ${RENEW}`],
  CERTIFICATE_REQUIRED: ['it got none that it could use', SAME_CA],
  ACCESS_DENIED: ['it gives it no access', SAME_CA],
  DECRYPT_ERROR: ['it could not check its signature', `Use another one: ${RENEW}`],
}

/** Node's and OpenSSL's words for what is wrong with the engine's certificate (X509_V_ERR_*). */
function certificateError(
  code: string,
  error: Error,
  where: TlsWhere,
  peer: X509Certificate | undefined,
): DiagnosedError | undefined {
  const refuse = (kind: string, what: string, cure: string) =>
    new RefusedError({ kind, cause: `The certificate of the container engine at ${at(where)} ${what}`, cure })
  switch (code) {
    case 'CERT_HAS_EXPIRED':
      return refuse(
        'tls-server-expired',
        `has expired${dated('it was valid until', peer?.validTo)}`,
        `Renew it: ${RENEW}`,
      )
    case 'CERT_NOT_YET_VALID':
      return refuse(
        'tls-server-not-yet-valid',
        `is not valid yet${dated('it begins at', peer?.validFrom)}`,
        "Check this host's clock (chronyc tracking) and the clock that it was made by",
      )
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return refuse(
        'tls-self-signed',
        "is self-signed: it does not come from the CA in the VM's secrets",
        `Have it signed by that CA, or ${RENEW}`,
      )
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return refuse(
        'tls-wrong-name',
        `is for other addresses: ${namesOf(peer)}`,
        `Have ${where.address} put into it as an IP address (subjectAltName IP:${where.address}; names do not count), or ${RENEW}; ${CHECK_ADDRESS}`,
      )
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'CERT_SIGNATURE_FAILURE':
    case 'CERT_UNTRUSTED':
      return refuse(
        'tls-wrong-ca',
        `was not signed by the CA in the VM's secrets, but by ${printable(peer?.issuer.replace(/\n/g, ', ')) || 'another one'}`,
        `Put the certificate of the engine's CA into the secret that other-config xscontainer-tls-ca-cert names, or ${RENEW}`,
      )
    default:
      if (!/^(?:CERT_|INVALID_|UNABLE_TO_|CRL_|PATH_LENGTH|ERR_TLS_CERT|EE_|CA_)/.test(code)) return undefined
      return refuse(
        'tls-server-certificate',
        `is not acceptable (${printable(code || error.message)})`,
        `Use another one: ${RENEW}`,
      )
  }
}

/** It answers, but in another language or in none that both know. */
function spokenError(code: string, where: TlsWhere): DiagnosedError | undefined {
  if (/UNSUPPORTED_PROTOCOL|NO_SHARED_CIPHER|NO_CIPHERS|UNKNOWN_CIPHER|WRONG_CIPHER|DH_KEY_TOO_SMALL/.test(code))
    return noCommonWay(where)
  if (!code.startsWith('ERR_SSL_') && code !== 'EPROTO') return undefined
  return new RefusedError({
    kind: 'not-tls',
    cause: `What listens at ${at(where)} does not speak TLS`,
    cure: `Turn it on (${TURN_ON}): without it whoever reaches the port rules the guest; ${CHECK_ADDRESS}`,
  })
}

function noCommonWay(where: TlsWhere): RefusedError {
  return new RefusedError({
    kind: 'tls-no-common-version',
    cause: `The container engine at ${at(where)} shares no version of TLS or no cipher with us: TLS 1.2 is the least`,
    cure: 'Update the container engine in the guest',
  })
}

/** The addresses and names in a certificate, for people. */
function namesOf(peer: X509Certificate | undefined): string {
  const names = peer?.subjectAltName?.replace(/IP Address:/g, 'IP ').replace(/DNS:/g, 'name ')
  return printable(names, 200) || 'it names none (no subjectAltName)'
}

function dated(words: string, date: string | undefined): string {
  return date === undefined ? '' : ` (${words} ${dateOf(date)})`
}

function at({ address, port }: TlsWhere): string {
  return `${address} port ${port}`
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : ''
}
