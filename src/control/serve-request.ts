import type { Clock } from '../base/clock.ts'
import { linked, within } from '../base/deadline.ts'
import { DeadlineError, DiagnosedError, StoppedError, TransientError } from '../base/errors.ts'
import type { Args, OperationStream } from '../operations/operation.ts'
import { FRAME, LIMIT, notUnderstood, readJson, type Frame } from './frame.ts'
import type { FrameSocket } from './frame-socket.ts'
import { PROTOCOL, type ControlReply, type ControlRequest } from './message.ts'
import { serveStream } from './serve-stream.ts'
import { toControlError } from './wire-error.ts'

/** A client that has connected says what it wants at once. */
const REQUEST_MS = 10_000
/** Operations have deadlines of their own: this is for what they forgot. */
const OPERATION_MS = 15 * 60_000
/** Whoever asked reads the answer at once. */
const ANSWER_MS = 10_000
const BEAT_MS = 5000

/** Does what is asked for: the payload, or the conversation that was opened. Rejects with a DiagnosedError. */
export type ControlHandler = (operation: string, args: Args, signal: AbortSignal) => Promise<string | OperationStream>

export interface ServeDeps {
  readonly clock: Clock
  readonly handle: ControlHandler
  /** Told of errors that are defects of ours. */
  readonly onDefect: (operation: string, error: unknown) => void
}

/** Reads the one request of a connection and answers it. Rejects when that cannot be done; the caller closes. */
export async function serveRequest(deps: ServeDeps, wire: FrameSocket, signal: AbortSignal): Promise<void> {
  const reply = await answer(deps, wire, signal)
  if (reply === undefined) return
  await within(deps.clock, ANSWER_MS, new AbortController().signal, tooLate('answer'), () => sendReply(wire, reply))
}

/** Says why, in place of an answer, once the request is there: who still writes it would not read that. */
export async function refuse({ clock }: ServeDeps, wire: FrameSocket, signal: AbortSignal, why: DiagnosedError) {
  await within(clock, REQUEST_MS, signal, tooLate('request'), () => wire.frames.next())
  await sendReply(wire, { ok: false, error: toControlError(why) })
}

/** undefined: nobody is left to be answered. */
async function answer(deps: ServeDeps, wire: FrameSocket, signal: AbortSignal): Promise<ControlReply | undefined> {
  let operation = '?'
  let gone = false
  try {
    const first = await within(deps.clock, REQUEST_MS, signal, tooLate('request'), () => wire.frames.next())
    if (first.done === true) return undefined
    const request = readRequest(first.value)
    operation = request.operation
    const payload = await linked(signal, (mine, abort) => {
      const inbox = new Inbox(wire, (why) => {
        gone = why === undefined
        abort(why ?? new StoppedError('whoever asked went away'))
      })
      return perform(deps, request, wire, inbox, mine)
    })
    return { ok: true, payload }
  } catch (error) {
    if (gone || (error instanceof DeadlineError && operation === '?')) return undefined
    if (!(error instanceof DiagnosedError) && !signal.aborted) deps.onDefect(operation, error)
    return { ok: false, error: toControlError(signal.aborted ? new StoppedError() : error) }
  }
}

async function perform(
  { clock, handle }: ServeDeps,
  { operation, args }: ControlRequest,
  wire: FrameSocket,
  inbox: Inbox,
  signal: AbortSignal,
): Promise<string> {
  const stopBeating = beat(clock, wire)
  const late = tooLate(operation)
  const done = within(clock, OPERATION_MS, signal, late, async (inTime) => {
    const answer = await handle(operation, args, inTime)
    // Nobody is told of what comes after the abort.
    if (inTime.aborted && typeof answer !== 'string') answer.close()
    return answer
  })
  const answer = await done.finally(stopBeating)
  return typeof answer === 'string' ? checked(operation, answer) : serveStream(answer, wire, inbox, signal)
}

/** What comes after the request. It is read all the time: nothing else tells that whoever asked has gone. */
export class Inbox {
  /** Takes each frame; throws when there must not be one now. */
  take: (frame: Frame) => void = () => {
    throw notUnderstood('something after the request')
  }

  /** `ended` is told why nothing comes any more; undefined: the other side has closed the connection. */
  constructor(wire: FrameSocket, ended: (why: Error | undefined) => void) {
    this.#read(wire).then(
      () => ended(undefined),
      (error: unknown) => ended(error instanceof DiagnosedError ? error : undefined),
    )
  }

  async #read(wire: FrameSocket): Promise<void> {
    for await (const frame of wire.frames) this.take(frame)
  }
}

function readRequest({ type, data }: Frame): ControlRequest {
  if (type !== FRAME.request) throw notUnderstood('something else than a request')
  const { protocol, operation, args } = readJson(data)
  if (protocol !== PROTOCOL) throw notUnderstood(`a request by another protocol than ${PROTOCOL}`)
  if (typeof operation !== 'string' || typeof args !== 'object' || args === null)
    throw notUnderstood('an unusable request')
  const given = Object.entries(args).filter((entry): entry is [string, string] => typeof entry[1] === 'string')
  return { protocol, operation, args: Object.fromEntries(given) }
}

/** Tells that work goes on, until the returned function is called. */
function beat(clock: Clock, wire: FrameSocket): () => void {
  let cancel: () => void = () => undefined
  const next = () => {
    cancel = clock.after(BEAT_MS, () => {
      wire.send(FRAME.beat).catch(() => undefined)
      next()
    })
  }
  next()
  return () => cancel()
}

function checked(operation: string, payload: string): string {
  if (Buffer.byteLength(payload) <= LIMIT.answer) return payload
  throw new TransientError({
    kind: 'answer-too-large',
    cause: `The answer to ${operation} has more than ${LIMIT.answer / 1024 / 1024} MiB`,
    cure: 'Ask for less',
  })
}

/** In parts of at most what a frame may have. */
async function sendReply(wire: FrameSocket, reply: ControlReply): Promise<void> {
  const text = Buffer.from(JSON.stringify(reply))
  let at = 0
  for (; text.length - at > LIMIT.frame; at += LIMIT.frame)
    await wire.send(FRAME.more, text.subarray(at, at + LIMIT.frame))
  await wire.send(FRAME.reply, text.subarray(at))
  await wire.finish()
}

function tooLate(what: string) {
  return {
    kind: 'operation-timeout',
    cause: `The monitor has not come to an end with ${what} in time`,
    cure: 'See /var/log/xscontainer.log for the same moment, and whether the guest hangs',
  }
}
