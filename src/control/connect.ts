import { connect, type Socket } from 'node:net'
import { abortReason, type Clock } from '../base/clock.ts'
import { within } from '../base/deadline.ts'
import { DeadlineError, RefusedError, TransientError } from '../base/errors.ts'
import { FRAME, LIMIT, notUnderstood, readJson } from './frame.ts'
import { FrameSocket } from './frame-socket.ts'
import { whyForeign } from './private-socket.ts'
import { PROTOCOL, type ControlRequest } from './message.ts'

/** A daemon that is alive greets within milliseconds; one that is only loaded, within this. */
const HELLO_MS = 2000

/** No daemon answers at the socket: what was asked for has not been done. */
export class ControlUnavailable extends TransientError {}

/**
 * A connection to the daemon, which has greeted, with the request sent. Rejects with ControlUnavailable when no daemon
 * answers, and with a RefusedError when the request can never be sent.
 */
export async function connectControl(
  clock: Clock,
  socketPath: string,
  request: Omit<ControlRequest, 'protocol'>,
  signal: AbortSignal,
): Promise<FrameSocket> {
  const text = JSON.stringify({ protocol: PROTOCOL, ...request })
  if (Buffer.byteLength(text) > LIMIT.request) throw tooLarge(request.operation)
  const foreign = whyForeign(socketPath)
  if (foreign !== undefined) throw foreignSocket(socketPath, foreign)
  const socket = connect(socketPath)
  const wire = new FrameSocket(socket, LIMIT.frame)
  try {
    // Only then: a daemon that hangs must not find the request when it wakes up, and do it behind our back.
    await within(clock, HELLO_MS, signal, silent(socketPath), () => greeted(socket, wire, socketPath))
    await wire.send(FRAME.request, text)
    return wire
  } catch (error) {
    wire.close()
    if (signal.aborted) throw abortReason(signal)
    throw error instanceof DeadlineError ? new ControlUnavailable(error.diagnosis) : error
  }
}

async function greeted(socket: Socket, wire: FrameSocket, socketPath: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', (error) => reject(unavailable(socketPath, error)))
  })
  const first = await wire.frames.next()
  if (first.done === true) throw unavailable(socketPath)
  const { type, data } = first.value
  const { protocol } = type === FRAME.hello ? readJson(data) : {}
  if (typeof protocol !== 'number') throw notUnderstood('something else than a greeting')
  if (protocol !== PROTOCOL) throw otherProtocol(protocol)
}

function unavailable(socketPath: string, error?: Error): ControlUnavailable {
  const code = (error as NodeJS.ErrnoException | undefined)?.code
  const [kind, why] =
    code === 'ENOENT'
      ? (['no-daemon', 'is not there'] as const)
      : code === 'ECONNREFUSED'
        ? (['no-daemon', 'is there, but nobody listens'] as const)
        : (['daemon-away', `cannot be used: ${code ?? 'the connection was closed at once'}`] as const)
  const diagnosis = {
    kind,
    cause: `The monitor does not run on this host: its socket ${socketPath} ${why}`,
    cure: 'Start it: systemctl start xscontainer-monitor',
  }
  return new ControlUnavailable(diagnosis, error === undefined ? {} : { cause: error })
}

function silent(socketPath: string) {
  return {
    kind: 'daemon-hangs',
    cause: `The monitor on this host hangs: it did not greet at ${socketPath} within ${HELLO_MS / 1000} s`,
    cure: 'Restart it: systemctl restart xscontainer-monitor; see /var/log/xscontainer.log',
  }
}

function otherProtocol(protocol: number): ControlUnavailable {
  return new ControlUnavailable({
    kind: 'daemon-version',
    cause: `The monitor that runs on this host is of another version (its protocol is ${protocol}, ours ${PROTOCOL})`,
    cure: 'Restart it after the update: systemctl restart xscontainer-monitor',
  })
}

function foreignSocket(socketPath: string, why: string): RefusedError {
  return new RefusedError({
    kind: 'control-foreign',
    cause: `The control socket ${socketPath} ${why}: what answers there need not be the monitor, and is told nothing`,
    cure: 'Remove it and restart the monitor (systemctl restart xscontainer-monitor), or name a socket in a folder of root in [control] socket',
  })
}

function tooLarge(operation: string): RefusedError {
  return new RefusedError({
    kind: 'request-too-large',
    cause: `What ${operation.slice(0, 60)} was asked with is more than ${LIMIT.request / 1024} KiB`,
    cure: 'Give it shorter arguments',
  })
}
