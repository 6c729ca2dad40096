import type { Duplex } from 'node:stream'
import type { Clock } from '../../base/clock.ts'
import { DeadlineError } from '../../base/errors.ts'
import type { Gate } from '../../base/gate.ts'
import { diagnosticCommand, readReport, type Report } from './diagnose.ts'
import { badPath, engineRefusal, noShell, unaskablePath } from './engine-refusal.ts'
import { ChannelRefusedError, type Where } from './errors.ts'
import type { SshObserver } from './probe.ts'
import { EXEC_RUNGS, openBy, provesHttp, STREAM_LOCAL, type Rung } from './rungs.ts'
import { isPlainPath, isSocketPath } from './socket-path.ts'
import type { SshConnection } from './ssh-connection.ts'

/** A rung and a socket that led to an engine. */
export interface Way {
  readonly rung: Rung
  readonly socketPath: string
}

/** A way, and the stream that was opened to try it where that is still as good as new. */
export interface Found {
  readonly way: Way
  readonly stream: Duplex | undefined
}

export interface LadderContext extends Where {
  readonly clock: Clock
  readonly connection: SshConnection
  /** Bounds the sessions open at once. */
  readonly sessions: Gate
  /** The administrator's choice: the only one looked at. */
  readonly socketPath: string | undefined
  readonly observe?: SshObserver | undefined
}

/** In the order of trying; the rootless ones are only known once the guest was asked. */
const USUAL: readonly string[] = ['/var/run/docker.sock', '/run/podman/podman.sock']
/** Nearly always the same file as the first of these: tried only where the guest says that it is not. */
const TWIN = '/run/docker.sock'
/** RFC 4254, 5.1: administratively prohibited, unknown channel type. OpenSSH says 2 (connect failed) for everything. */
const FORBIDDEN: readonly number[] = [1, 3]

/**
 * Finds the engine's socket and the way to it: what worked the last time, then sockets by stream-local forwarding, then
 * by what the guest says it has. Rejects with a RefusedError that names what is missing.
 */
export async function findEngine(context: LadderContext, last: Way | undefined, signal: AbortSignal): Promise<Found> {
  const { socketPath } = context
  if (socketPath !== undefined && !isSocketPath(socketPath)) throw badPath(socketPath, context)
  const again = last === undefined ? 'no' : await leads(context, last, signal)
  if (typeof again === 'object') return again
  const paths = socketPath === undefined ? USUAL : [socketPath]
  const first = await tryForwarding(context, paths, signal)
  if (first.found) return first.found
  const report = await ask(context, signal)
  const usable = [...report.sockets].filter(([, socket]) => socket.state === 'ok').map(([path]) => path)
  const fresh = first.forbidden ? [] : usable.filter((path) => !paths.includes(path))
  const { found = await tryHelpers(context, usable, report, signal) } = await tryForwarding(context, fresh, signal)
  if (found === undefined) throw engineRefusal(report, context)
  return found
}

async function tryForwarding(
  context: LadderContext,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<{ found?: Found; forbidden: boolean }> {
  for (const socketPath of paths) {
    const answer = await leads(context, { rung: STREAM_LOCAL, socketPath }, signal)
    if (typeof answer === 'object') return { found: answer, forbidden: false }
    if (answer === 'forbidden') return { forbidden: true }
  }
  return { forbidden: false }
}

async function tryHelpers(
  context: LadderContext,
  paths: readonly string[],
  report: Report,
  signal: AbortSignal,
): Promise<Found | undefined> {
  const rungs = EXEC_RUNGS.filter(({ tool }) => tool !== undefined && report.tools.has(tool))
  for (const socketPath of paths.filter(isPlainPath)) {
    if (socketPath === TWIN && paths.includes(`/var${TWIN}`)) continue
    for (const rung of rungs) {
      const answer = await leads(context, { rung, socketPath }, signal)
      if (typeof answer === 'object') return answer
    }
  }
  return undefined
}

/** Whether this way leads to an engine now. */
async function leads(context: LadderContext, way: Way, signal: AbortSignal): Promise<Found | 'no' | 'forbidden'> {
  const helper = way.rung.tool !== undefined
  context.observe?.({ at: 'try', rung: way.rung.name, socketPath: way.socketPath })
  try {
    const stream = await openBy(way.rung, context.connection, way.socketPath, context.sessions, signal)
    // sshd calls a channel open only after it has connected to the socket: nothing has to be asked.
    if (!helper) return { way, stream }
    return (await provesHttp(context.clock, stream, context, signal)) ? { way, stream: undefined } : 'no'
  } catch (error) {
    if (signal.aborted) throw error
    if (error instanceof ChannelRefusedError) return FORBIDDEN.includes(error.reason) ? 'forbidden' : 'no'
    if (helper && error instanceof DeadlineError) return 'no'
    throw error
  }
}

/** One command in the guest that tells which sockets and helpers there are. */
async function ask(context: LadderContext, signal: AbortSignal): Promise<Report> {
  const { socketPath, connection, clock } = context
  if (socketPath !== undefined && !isPlainPath(socketPath)) throw unaskablePath(socketPath, context)
  const paths = socketPath === undefined ? [...USUAL, TWIN] : [socketPath]
  context.observe?.({ at: 'ask' })
  try {
    const stream = await connection.exec(diagnosticCommand(paths, socketPath === undefined), signal)
    const { report, said } = await readReport(clock, stream, signal)
    if (report !== undefined) return report
    throw noShell(said, context)
  } catch (error) {
    throw error instanceof ChannelRefusedError ? noShell('', context) : error
  }
}
