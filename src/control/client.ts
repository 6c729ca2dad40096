import { abortReason, type Clock } from '../base/clock.ts'
import { within } from '../base/deadline.ts'
import { DeadlineError, DiagnosedError, TransientError } from '../base/errors.ts'
import type { Args, OperationStream } from '../operations/operation.ts'
import { connectControl } from './connect.ts'
import { FRAME, LIMIT, notUnderstood, readJson, type Frame } from './frame.ts'
import type { FrameSocket } from './frame-socket.ts'
import { DAEMON_LOST } from './message.ts'
import { RemoteStream } from './remote-stream.ts'
import { fromControlError } from './wire-error.ts'

export { ControlUnavailable } from './connect.ts'

/** The daemon beats every few seconds while it works: after this long without, it hangs. */
const SILENCE_MS = 20_000

/**
 * Has the daemon at `socketPath` do an operation; its payload. Rejects with the daemon's DiagnosedError, with
 * ControlUnavailable when no daemon answers there (nothing has been done), with a TransientError of kind
 * `daemon-lost` when it went away in between (nobody knows what was done), or with the signal's reason.
 */
export async function callControl(
  { clock }: { readonly clock: Clock },
  socketPath: string,
  operation: string,
  args: Args,
  signal: AbortSignal,
): Promise<string> {
  const wire = await connectControl(clock, socketPath, { operation, args }, signal)
  try {
    const answer = await nextBut(wire, FRAME.beat, clock, signal)
    return payloadOf(await wholeReply(wire, answer))
  } catch (error) {
    throw understood(error, signal)
  } finally {
    wire.close()
  }
}

/** As callControl, for an operation whose answer is a conversation: resolves once that is open. */
export async function openControl(
  { clock }: { readonly clock: Clock },
  socketPath: string,
  operation: string,
  args: Args,
  signal: AbortSignal,
): Promise<OperationStream> {
  const wire = await connectControl(clock, socketPath, { operation, args }, signal)
  try {
    const answer = await nextBut(wire, FRAME.beat, clock, signal)
    if (answer.type === FRAME.opened) return new RemoteStream(wire, (frame) => wholeReply(wire, frame).then(payloadOf))
    payloadOf(await wholeReply(wire, answer))
    throw notUnderstood(`no conversation in answer to ${operation}`)
  } catch (error) {
    wire.close()
    throw understood(error, signal)
  }
}

/** The next frame of another type. */
async function nextBut(wire: FrameSocket, type: number, clock: Clock, signal: AbortSignal): Promise<Frame> {
  for (;;) {
    const next = await within(clock, SILENCE_MS, signal, lost(), () => wire.frames.next())
    if (next.done === true) throw new TransientError(lost())
    if (next.value.type !== type) return next.value
  }
}

/** The text of the reply that begins with this frame. */
async function wholeReply(wire: FrameSocket, first: Frame): Promise<string> {
  const parts: Buffer[] = []
  let length = 0
  for (let frame = first; ;) {
    if (frame.type !== FRAME.more && frame.type !== FRAME.reply) throw notUnderstood(`a frame of type ${frame.type}`)
    parts.push(frame.data)
    length += frame.data.length
    if (length > LIMIT.answer + LIMIT.frame) throw notUnderstood('an answer without end')
    if (frame.type === FRAME.reply) return Buffer.concat(parts).toString()
    const next = await wire.frames.next()
    if (next.done === true) throw new TransientError(lost())
    frame = next.value
  }
}

function payloadOf(text: string): string {
  const { ok, payload, error } = readJson(Buffer.from(text))
  if (ok === true && typeof payload === 'string') return payload
  if (ok === false) throw fromControlError(error)
  throw notUnderstood('an answer of another shape')
}

/** What broke the connection, as users read it. */
function understood(error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return abortReason(signal)
  if (error instanceof DeadlineError) return new TransientError(lost())
  return error instanceof DiagnosedError ? error : new TransientError(lost(), { cause: error })
}

function lost() {
  return {
    kind: DAEMON_LOST,
    cause: 'The monitor on this host went away before it had answered; what it was asked for may have been done or not',
    cure: 'See /var/log/xscontainer.log and systemctl status xscontainer-monitor, look at the containers, then try again',
  }
}
