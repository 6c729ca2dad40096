import { DiagnosedError, RefusedError, TransientError, type Diagnosis } from '../../base/errors.ts'
import type { Target } from '../../model/guest.ts'
import { SILENT } from '../silence.ts'

/** How far a dial has come. */
export type DialPhase = 'tcp' | 'banner' | 'handshake' | 'login'

/** One dial, for its errors' texts. */
export interface Where {
  readonly vmUuid: string
  readonly address: string
  readonly port: number
  readonly username: string
  /** Algorithms with SHA-1 are allowed at this guest. */
  readonly oldAlgorithms?: true | undefined
}

/** The machine at this address, as this VM's guest is to be met there. */
export function whereOf({ vmUuid, username, oldAlgorithms }: Target, address: string, port: number): Where {
  return { vmUuid, address, port, username, oldAlgorithms }
}

/** What a dial had seen when it failed. */
export interface DialState {
  phase: DialPhase
  /** First bytes that the other side sent, as latin1. */
  opening: string
  /** Methods that the guest's sshd would take instead, once it has refused ours. */
  offered: readonly string[] | undefined
  /** Our key was accepted, but the guest wants a second proof. */
  partial: boolean
}

/** Why the guest did not take the proof of who logs in. */
export type LoginRefusal = (state: DialState, where: Where) => RefusedError

/** Nobody speaks SSH at this address now: another address of the guest may do. */
export class UnreachableError extends TransientError {}

/** The guest's sshd did not open a channel; `reason` as in RFC 4254, 5.1. */
export class ChannelRefusedError extends TransientError {
  readonly reason: number
  constructor(diagnosis: Diagnosis, reason: number) {
    super(diagnosis)
    this.reason = reason
  }
}

const CHECK_ADDRESS = "set the VM's other-config key xscontainer-address when another address should be used"

/** Foreign text made safe to show: printable ASCII, cut short. */
export function printable(text: string, most = 80): string {
  const clean = text.replace(/[^\x20-\x7e]+/g, ' ').trim()
  return clean.length > most ? `${clean.slice(0, most)}..` : clean
}

/** The reason why a dial failed, from what ssh2 or the socket said (nothing: the connection was closed). */
export function dialError(
  error: Error | undefined,
  state: DialState,
  where: Where,
  refused: LoginRefusal,
): DiagnosedError {
  if (error instanceof DiagnosedError) return error
  const options = error === undefined ? {} : { cause: error }
  switch (state.phase) {
    case 'tcp':
      return new UnreachableError(tcpDiagnosis(codeOf(error), where), options)
    case 'banner':
      return bannerError(state, where)
    case 'handshake':
      return handshakeError(error, where)
    case 'login':
      if (levelOf(error) === 'client-authentication') return refused(state, where)
      // It was the last try (MaxAuthTries): then OpenSSH does not say which others it would take (auth.c).
      if (!/^Too many authentication failures/.test(error?.message ?? '')) return closedEarly('login', where)
      return refused({ ...state, offered: state.offered ?? ['publickey'] }, where)
  }
}

/** The reason why a dial took too long. */
export function lateError(state: DialState, where: Where): DiagnosedError {
  const at = `${where.address} port ${where.port}`
  if (state.phase === 'tcp') return new UnreachableError(tcpDiagnosis('ETIMEDOUT', where))
  if (state.phase === 'banner' && state.opening === '') {
    return new UnreachableError({
      kind: 'ssh-silent',
      cause: `Something accepts connections at ${at}, but does not say that it is an SSH server`,
      cure: 'Check whether sshd in the guest hangs or is overloaded',
    })
  }
  if (state.phase === 'banner' && !state.opening.startsWith('SSH-')) return bannerError(state, where)
  return new TransientError({
    kind: state.phase === 'login' ? 'login-stalled' : 'handshake-stalled',
    cause: `The SSH server at ${at} stopped answering during the ${state.phase}`,
    cure: 'Check the load of the guest and the log of its sshd',
  })
}

/** The reason why the guest opened no channel for `what`. */
export function channelError(error: Error, what: string, where: Where): DiagnosedError {
  const reason = 'reason' in error && typeof error.reason === 'number' ? error.reason : 0
  return new ChannelRefusedError(
    {
      kind: 'channel-refused',
      cause: `The SSH server of the guest at ${where.address} did not open ${what} for user ${printable(where.username)}`,
      cure: 'Check that the engine in the guest runs, and the log of its sshd',
    },
    reason,
  )
}

/** The guest did not answer a request for a channel. */
export function lateChannel(what: string, where: Where): Diagnosis {
  return {
    kind: 'channel-stalled',
    cause: `The SSH server of the guest at ${where.address} does not answer when asked for ${what}`,
    cure: 'Check the load of the guest and the log of its sshd',
  }
}

/** The other side makes work without measure; `does`: by what, as `it opens channels to us`. */
export function floodError(where: Where, does = 'it sends more than it was asked for'): TransientError {
  return new TransientError({
    kind: 'ssh-flood',
    cause: `What answers at ${where.address} port ${where.port} does what no SSH server may: ${does}`,
    cure: 'Check what listens there in the guest, and whether the guest can be trusted',
  })
}

/** The reason why an established connection is gone. */
export function lostError(error: Error | undefined, where: Where): DiagnosedError {
  const { address } = where
  if (error instanceof DiagnosedError) return error
  if (SILENT.has(codeOf(error))) return silentError(where)
  if (isBroken(error)) return brokenError(error, where)
  return new TransientError(
    {
      kind: 'link-lost',
      cause: `The guest at ${address} closed the SSH connection`,
      cure: 'Check whether the guest restarts, and the log of its sshd',
    },
    error === undefined ? {} : { cause: error },
  )
}

/** Whether ssh2 cannot understand what came: the socket's errors have a level of their own, a disconnection has a code. */
function isBroken(error: Error | undefined): boolean {
  return error !== undefined && !('code' in error) && !levelOf(error).startsWith('client-')
}

function brokenError(error: Error | undefined, { address, port }: Where): TransientError {
  return new TransientError(
    {
      kind: 'ssh-broken',
      cause: `What answers at ${address} port ${port} broke the rules of the SSH protocol`,
      cure: 'Check what listens there in the guest; a network in between that changes what is sent shows as the same',
    },
    error === undefined ? {} : { cause: error },
  )
}

export function silentError({ address }: Where): DiagnosedError {
  return new TransientError({
    kind: 'link-silent',
    cause: `The guest at ${address} stopped answering on its SSH connection`,
    cure: 'Check that the VM runs and that its network works',
  })
}

function tcpDiagnosis(code: string, { address, port }: Where): Diagnosis {
  const at = `${address} port ${port}`
  switch (code) {
    case 'ECONNREFUSED':
      return {
        kind: 'ssh-refused',
        cause: `No SSH server listens at ${at} (connection refused)`,
        cure: `Install and start the SSH server in the guest; ${CHECK_ADDRESS}`,
      }
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EHOSTDOWN':
      return {
        kind: 'no-route',
        cause: `No route from this host's control domain to the guest at ${address}`,
        cure: `Connect the guest to a network that the control domain reaches; ${CHECK_ADDRESS}`,
      }
    case 'ETIMEDOUT':
      return {
        kind: 'ssh-timeout',
        cause: `No answer from the guest at ${at}`,
        cure: `Check the guest's firewall and that the control domain reaches its network; ${CHECK_ADDRESS}`,
      }
    default:
      return {
        kind: 'ssh-network',
        cause: `The connection to the guest at ${at} failed (${printable(code)})`,
        cure: `Check the network between the control domain and the guest; ${CHECK_ADDRESS}`,
      }
  }
}

function bannerError({ opening }: DialState, where: Where): DiagnosedError {
  const at = `${where.address} port ${where.port}`
  // Sent by OpenSSH in place of its version when it turns a client away (sshd.c: MaxStartups, PerSourcePenalties)
  if (/^(Exceeded MaxStartups|Not allowed at this time)/.test(opening)) return busy(where)
  if (opening === '') return closedEarly('greeting', where)
  return new RefusedError({
    kind: 'not-ssh',
    cause: `What listens at ${at} is not an SSH 2 server; it says: ${printable(opening, 40)}`,
    cure: `Run sshd on port ${where.port} in the guest; ${CHECK_ADDRESS}`,
  })
}

function busy({ address }: Where): TransientError {
  return new TransientError({
    kind: 'ssh-busy',
    cause: `The SSH server of the guest at ${address} turns connections away for now (MaxStartups or PerSourcePenalties)`,
    cure: 'Wait; if it stays so, look for other SSH clients of the guest, and raise MaxStartups in its sshd_config',
  })
}

function handshakeError(error: Error | undefined, where: Where): DiagnosedError {
  // ssh2 1.17 says what did not match in its text only (lib/protocol/kex.js)
  const what = levelOf(error) === 'handshake' && /no matching (.+)$/i.exec(error?.message ?? '')?.[1]
  if (!what) return closedEarly('handshake', where)
  return new RefusedError({
    kind: 'no-common-algorithm',
    cause: `The SSH server of the guest at ${where.address} shares no ${printable(what)} with us: it is very old, or set up too narrowly`,
    cure: `Update OpenSSH in the guest (7.2 or later), or allow ssh-ed25519 or rsa-sha2-256 keys, curve25519-sha256 and AES in its sshd_config${orAllowOld(where)}`,
  })
}

/** What else can be done about a guest that knows nothing better than SHA-1, where that has not been done yet. */
export function orAllowOld({ oldAlgorithms }: Where): string {
  return oldAlgorithms ? '' : "; if neither can be, set the VM's other-config key xscontainer-ssh-algorithms to old"
}

function closedEarly(during: string, { address, port }: Where): TransientError {
  return new TransientError({
    kind: during === 'login' ? 'login-cut' : 'ssh-closed',
    cause: `The SSH server at ${address} port ${port} closed the connection during the ${during}`,
    cure: 'Check the log of sshd in the guest, and its limits for this host (MaxStartups, PerSourcePenalties, fail2ban, hosts.deny)',
  })
}

function codeOf(error: Error | undefined): string {
  return error !== undefined && 'code' in error ? String(error.code) : ''
}

function levelOf(error: Error | undefined): string {
  return error !== undefined && 'level' in error ? String(error.level) : ''
}
