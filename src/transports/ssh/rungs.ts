import type { Duplex } from 'node:stream'
import type { Clock } from '../../base/clock.ts'
import { within } from '../../base/deadline.ts'
import type { Gate } from '../../base/gate.ts'
import { lateChannel, type Where } from './errors.ts'
import { forSh, SET_PATH } from './diagnose.ts'
import { readBounded } from './read-bounded.ts'
import type { SshConnection } from './ssh-connection.ts'

/** A way from sshd to the engine's socket. */
export interface Rung {
  readonly name: string
  /** Program in the guest it needs; undefined: none, sshd does it. */
  readonly tool: string | undefined
  /** The command, for a path that isPlainPath; '' when no program is needed. */
  command(path: string): string
}

export const STREAM_LOCAL: Rung = { name: 'stream-local', tool: undefined, command: () => '' }

/**
 * Best first. `docker system dial-stdio` is there since Docker 18.09. OpenBSD's nc needs -N to leave when we do, others
 * do not know it. ncat, which is also the nc of Red Hat, does not leave when the engine does: only our keepalive and
 * requests then tell.
 */
export const EXEC_RUNGS: readonly Rung[] = [
  helper('docker system dial-stdio', 'docker', (path) => `docker -H unix://${path} system dial-stdio`),
  helper('socat', 'socat', (path) => `socat - UNIX-CONNECT:${path}`),
  helper('nc -N -U', 'nc', (path) => `nc -N -U ${path}`),
  helper('ncat -U', 'ncat', (path) => `ncat -U ${path}`),
  helper('nc -U', 'nc', (path) => `nc -U ${path}`),
]

export const ALL_RUNGS: readonly Rung[] = [STREAM_LOCAL, ...EXEC_RUNGS]

function helper(name: string, tool: string, call: (path: string) => string): Rung {
  return { name, tool, command: (path) => forSh(`${SET_PATH}; exec ${call(path)}`) }
}

/** Opens streams by one rung. `sessions` bounds the programs that run at once in the guest. */
export function openBy(
  rung: Rung,
  connection: SshConnection,
  path: string,
  sessions: Gate,
  signal: AbortSignal,
): Promise<Duplex> {
  if (rung.tool === undefined) return connection.openLocal(path, signal)
  return new Promise((resolve, reject) => {
    const session = async () => {
      const stream = await connection.exec(rung.command(path), signal)
      const ended = new Promise<void>((end) => stream.once('close', end))
      resolve(stream)
      await ended
    }
    sessions.pass(signal, session).catch(reject)
  })
}

const PING = 'GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n'
const PROOF_TIMEOUT_MS = 5_000
const MOST_PROOF = 4 * 1024

/** Whether the stream leads to something that speaks HTTP; closes it. Rejects when it stays silent. */
export function provesHttp(clock: Clock, stream: Duplex, where: Where, signal: AbortSignal): Promise<boolean> {
  const late = lateChannel('the engine', where)
  const proof = within(clock, PROOF_TIMEOUT_MS, signal, late, async (inner) => {
    stream.write(PING)
    const answer = await readBounded(stream, MOST_PROOF, (text) => text.length >= 12, inner)
    return /^HTTP\/1\.[01] \d{3}/.test(answer)
  })
  return proof.finally(() => stream.destroy())
}
