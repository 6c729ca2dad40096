import { cleanForTerminal, cutText } from '../base/text.ts'
import { DiagnosedError, RefusedError, StoppedError, TransientError } from '../base/errors.ts'

/** An engine's own words reach users: one line of at most this many characters. */
const MESSAGE_CHARS = 300
/** A longer body is no message, and may cost much to parse. */
const MOST_MESSAGE_BYTES = 64 * 1024
const IS_ENGINE = 'Check that the socket belongs to a Docker or Podman engine'
const TRY_AGAIN = 'If this stays, look at the log of the engine in the guest'

/** The connection to the engine is gone: no other call over it will fare better. */
export class ConnectionLostError extends TransientError {}

export function replyTooLarge(request: string, limitBytes: number): RefusedError {
  return new RefusedError({
    kind: 'reply-too-large',
    cause: `The container engine answered ${request} with more than ${limitBytes} bytes`,
    cure: 'Remove containers that are no longer needed, or check what answers at the socket',
  })
}

export function replyTooManyValues(request: string, most: number): RefusedError {
  return new RefusedError({
    kind: 'reply-too-large',
    cause: `The container engine answered ${request} with more than ${most} values`,
    cure: 'Remove containers that are no longer needed, or check what answers at the socket',
  })
}

/** For a reply that would fit alone. */
export function repliesTooLarge(request: string): TransientError {
  return new TransientError({
    kind: 'replies-too-large',
    cause: `There was no room for the container engine's long answer to ${request}: other guests send very long ones as well`,
    cure: 'Find out which guests do (xscontainer status), and whether they can be trusted',
  })
}

/** For a reply that is complete as HTTP, but not as JSON or not JSON at all, such as a proxy's HTML page. */
export function replyNotJson(request: string, body: Buffer): DiagnosedError {
  const start = body.subarray(0, 80).toString().trimStart()
  if (/^[[{]/.test(start)) {
    const cause = `The container engine answered ${request} with JSON that breaks off or is malformed`
    return new TransientError({ kind: 'reply-truncated', cause, cure: TRY_AGAIN })
  }
  const found = start === '' ? 'nothing' : /^</.test(start) ? 'HTML or XML' : 'text'
  const cause = `The container engine answered ${request} with ${found} instead of JSON`
  return new RefusedError({ kind: 'reply-not-json', cause, cure: IS_ENGINE })
}

export function replyWrongShape(request: string, expected: string): RefusedError {
  const cause = `The container engine answered ${request} with JSON that is not ${expected}`
  return new RefusedError({ kind: 'reply-wrong-shape', cause, cure: IS_ENGINE })
}

export function badContainer(text: string): RefusedError {
  const shown = text === '' ? 'An empty text' : `"${cutText(cleanForTerminal(text), 80)}"`
  return new RefusedError({
    kind: 'bad-container',
    cause: `${shown} is neither a container's name nor its id`,
    cure: 'Give the name, the id or the beginning of the id of a container of this VM',
  })
}

/** For engines that say so by saying nothing. */
export function containerNotRunning(container: string): RefusedError {
  const cause = `The container ${container} is not running`
  return new RefusedError({ kind: 'engine-conflict', cause, cure: 'Start the container first' })
}

/** Docker on Windows pauses only containers with Hyper-V isolation; what it says of the others is meant for developers. */
export function cannotPause(container: string, cause: DiagnosedError): RefusedError {
  return new RefusedError(
    {
      kind: 'no-pause',
      cause: `The container ${container} cannot be paused: Windows containers have no pause, except with Hyper-V isolation (${cause.diagnosis.cause})`,
      cure: 'Stop the container instead, or run it with --isolation=hyperv',
    },
    { cause },
  )
}

export function streamMalformed(request: string): RefusedError {
  const cause = `The container engine answered ${request} with a stream that is not made of its frames`
  return new RefusedError({ kind: 'stream-malformed', cause, cure: IS_ENGINE })
}

export function streamBrokeOff(request: string): ConnectionLostError {
  const cause = `The container engine's answer to ${request} broke off`
  return new ConnectionLostError({ kind: 'engine-connection-lost', cause, cure: TRY_AGAIN })
}

export function engineTooOld(version: string): RefusedError {
  return new RefusedError({
    kind: 'engine-too-old',
    cause: `The container engine speaks API ${cutText(cleanForTerminal(version), 20)} only, which is older than Docker 1.12`,
    cure: 'Update the container engine in the guest',
  })
}

export function eventsEnded(): TransientError {
  return new TransientError({
    kind: 'events-ended',
    cause: 'The container engine ended its event stream',
    cure: 'It is opened again by itself; nothing needs to be done after a restart of the engine',
  })
}

export function eventsUnreadable(why: string): RefusedError {
  const cause = `The container engine's event stream ${why}`
  return new RefusedError({ kind: 'events-unreadable', cause, cure: IS_ENGINE })
}

/** For an HTTP status that is no success, with the engine's own `message` where it sent one. */
export function statusError(request: string, status: number, body: Buffer): DiagnosedError {
  const message = engineMessage(body)
  const cause = `The container engine answered ${request} with HTTP ${status}${message === '' ? '' : `: ${message}`}`
  if (status >= 500) return new TransientError({ kind: 'engine-error', cause, cure: TRY_AGAIN })
  if (status === 404) {
    return new RefusedError({ kind: 'engine-not-found', cause, cure: 'Look whether the container still exists' })
  }
  if (status === 409) {
    return new RefusedError({ kind: 'engine-conflict', cause, cure: 'Look which state the container is in' })
  }
  if (status === 401 || status === 403) {
    const cure = "Allow this access in the engine's authorization settings"
    return new RefusedError({ kind: 'engine-denied', cause, cure })
  }
  return new RefusedError({ kind: 'engine-rejected', cause, cure: IS_ENGINE })
}

/** What Node says of a connection, as an error by what to do; what is diagnosed already stays as it is. */
export function connectionError(request: string, thrown: unknown): Error {
  if (thrown instanceof DiagnosedError || thrown instanceof StoppedError) return thrown
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : ''
  if (code.startsWith('HPE_')) {
    const cause = `What answers ${request} at the container engine's socket does not speak HTTP (${code})`
    return new RefusedError({ kind: 'reply-not-http', cause, cure: IS_ENGINE }, { cause: thrown })
  }
  const text = thrown instanceof Error ? thrown.message : String(thrown)
  const why = cutText(cleanForTerminal(text), MESSAGE_CHARS)
  const cause = `The connection to the container engine broke during ${request} (${why})`
  return new ConnectionLostError({ kind: 'engine-connection-lost', cause, cure: TRY_AGAIN }, { cause: thrown })
}

function engineMessage(body: Buffer): string {
  if (body.length > MOST_MESSAGE_BYTES) return ''
  try {
    const json: unknown = JSON.parse(body.toString())
    const message = typeof json === 'object' && json !== null && 'message' in json ? json.message : ''
    return typeof message === 'string' ? cleanForTerminal(cutText(message, MESSAGE_CHARS)).trim() : ''
  } catch {
    return ''
  }
}
