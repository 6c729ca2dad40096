import { RefusedError } from '../../base/errors.ts'
import type { Report, SocketState } from './diagnose.ts'
import { printable, type Where } from './errors.ts'

interface Subject extends Where {
  /** The administrator's choice of socket. */
  readonly socketPath: string | undefined
}

/** Helpers that connect to any unix socket in whichever version; docker before 18.09 and many an nc do not. */
const SURE: readonly string[] = ['socat', 'ncat']

/** Why no way to an engine was found, from what the guest's user sees. The most useful cause wins. */
export function engineRefusal(report: Report, subject: Subject): RefusedError {
  const user = printable(report.user || subject.username)
  const find = (state: SocketState, listening?: boolean) =>
    [...report.sockets].find(
      ([, s]) => s.state === state && (listening === undefined || s.listening === listening),
    )?.[0]
  const alive = find('ok', true)
  if (alive !== undefined) {
    // Any program may listen by that name, even in a container on the guest's network: a sure helper knows better.
    const witness = SURE.find((tool) => report.tools.has(tool))
    return witness === undefined ? noForwarding(alive, report, subject) : noAnswer(alive, witness, subject)
  }
  const closed = find('denied') ?? find('hidden')
  if (closed !== undefined) return noPermission(closed, user, subject)
  const dead = find('ok', false)
  if (dead !== undefined) return nobodyListens(dead, subject)
  const unknown = find('ok') // no /proc/net/unix: judge by whether helpers could try
  if (unknown !== undefined) {
    return report.tools.size > 0 ? nobodyListens(unknown, subject) : noForwarding(unknown, report, subject)
  }
  const wrong = find('not-a-socket')
  return wrong === undefined ? noEngine(subject) : notASocket(wrong, subject)
}

function noForwarding(path: string, report: Report, { address }: Subject): RefusedError {
  const tools = [...report.tools].join(', ')
  const helpers = tools
    ? `none of ${tools} there gets through either`
    : 'the guest has no docker, socat, ncat or nc to do it instead'
  return new RefusedError({
    kind: 'no-forwarding',
    cause: `The SSH server of the guest at ${address} does not forward to the engine's socket ${printable(path)}, and ${helpers}`,
    cure: "Set AllowStreamLocalForwarding yes (and no DisableForwarding) in the guest's sshd_config, or install socat in the guest",
  })
}

function noPermission(path: string, user: string, { address }: Subject): RefusedError {
  const podman = path.includes('podman')
  return new RefusedError({
    kind: 'socket-permission',
    cause: `User ${user} may not use the engine's socket ${printable(path)} in the guest at ${address}`,
    cure: podman
      ? `Run the engine as that user (systemctl --user enable --now podman.socket; loginctl enable-linger ${user}), or set the VM's other-config key xscontainer-username to a user who may`
      : `In the guest: usermod -aG docker ${user} (or run a rootless engine as that user), or set the VM's other-config key xscontainer-username to a user who may`,
  })
}

function nobodyListens(path: string, { address }: Subject): RefusedError {
  return new RefusedError({
    kind: 'socket-dead',
    cause: `The engine's socket ${printable(path)} is there in the guest at ${address}, but no engine answers on it`,
    cure: 'Start the engine in the guest (systemctl restart docker, or podman.socket), and look at its log',
  })
}

function noAnswer(path: string, helper: string, { address }: Subject): RefusedError {
  return new RefusedError({
    kind: 'socket-dead',
    cause: `The engine's socket ${printable(path)} is there in the guest at ${address}, but no engine answers on it, neither to the SSH server nor to ${helper}`,
    cure: "Start the engine in the guest (systemctl restart docker, or podman.socket), and look at its log; if it runs, set AllowStreamLocalForwarding yes in the guest's sshd_config",
  })
}

function notASocket(path: string, { address }: Subject): RefusedError {
  return new RefusedError({
    kind: 'not-a-socket',
    cause: `${printable(path)} in the guest at ${address} is not a socket`,
    cure: "Remove it and restart the engine, or set the VM's other-config key xscontainer-socket to the engine's socket",
  })
}

function noEngine({ address, socketPath }: Subject): RefusedError {
  return new RefusedError({
    kind: 'no-engine',
    cause:
      socketPath === undefined
        ? `No Docker or Podman socket was found in the guest at ${address}: no engine is installed, or it does not run`
        : `There is no socket ${printable(socketPath, 110)} in the guest at ${address}`,
    cure:
      socketPath === undefined
        ? "Install and start an engine in the guest (systemctl enable --now docker, or podman.socket); if its socket is in an unusual place, set the VM's other-config key xscontainer-socket"
        : "Start the engine in the guest, or correct the VM's other-config key xscontainer-socket",
  })
}

/** The login works, but the diagnostic command did not: `said` is what came instead. */
export function noShell(said: string, { address, username }: Subject): RefusedError {
  const words = printable(said)
  return new RefusedError({
    kind: 'no-shell',
    cause:
      `The SSH server of the guest at ${address} forwards to no engine socket, and user ${printable(username)} cannot ` +
      `run commands there to find out why${words ? ` (it says: ${words})` : ''}`,
    cure: `Give the user a login shell (usermod -s /bin/sh ${printable(username)}) without ForceCommand, or set AllowStreamLocalForwarding yes in the guest's sshd_config`,
  })
}

/** The path in other-config cannot be that of a socket. */
export function badPath(path: string, { vmUuid }: Subject): RefusedError {
  return new RefusedError({
    kind: 'socket-path',
    cause: `xscontainer-socket of VM ${vmUuid} is not a path of a unix socket: ${printable(path)}`,
    cure: 'Set it to an absolute path of at most 107 bytes without control characters, or remove it',
  })
}

/** Only forwarding could reach this path, and it did not. */
export function unaskablePath(path: string, { address }: Subject): RefusedError {
  return new RefusedError({
    kind: 'socket-unreachable',
    cause: `The SSH server of the guest at ${address} cannot connect to the engine's socket ${printable(path, 110)}`,
    cure: "Check that the engine runs, the socket's permissions and AllowStreamLocalForwarding in the guest; a path of letters, digits and ./_@+- can be examined further",
  })
}
