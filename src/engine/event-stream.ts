import { cutText } from '../base/text.ts'
import type { TokenBucket } from '../base/token-bucket.ts'
import { connectionError, eventsUnreadable } from './errors.ts'
import { LineSplitter } from './line-splitter.ts'

/** One engine event, whichever of the two shapes the engine sent. */
export interface EngineEvent {
  /** `container`, `image`, `network`, .. ; old engines send container events without it. */
  readonly type: string
  /** `start`, `die`, `exec_create`, `health_status`, .. : the part before any colon, as `health_status: healthy`. */
  readonly action: string
  /** Full id of the object, or empty. */
  readonly id: string
  /** Of what ended: with `die` only, where the engine tells it. */
  readonly exitCode?: string
}

/**
 * What Docker is asked to tell: all that an observation may want to know. Without this an engine also tells of each
 * `exec` that a health check makes, and each `top` to all who listen. The three forms of health_status are for engines
 * that compare whole texts (moby issue 25798). Podman has other words for some, so it is asked for everything.
 */
export const TOLD_ACTIONS: readonly string[] = [
  ...['create', 'start', 'restart', 'die', 'stop', 'kill', 'oom', 'pause', 'unpause', 'rename', 'update', 'destroy'],
  ...['health_status', 'health_status: healthy', 'health_status: unhealthy'],
  ...['tag', 'untag', 'delete', 'pull', 'load', 'import'],
]

/**
 * Tells `onEvent` of each event in the stream until it ends; rejects when the stream breaks or is not one of events.
 * `pace` (bytes) holds back an engine that sends without pause.
 */
export async function readEvents(
  stream: AsyncIterable<Buffer>,
  maxLineBytes: number,
  pace: TokenBucket,
  onEvent: (event: EngineEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  const lines = new LineSplitter(maxLineBytes, () => eventsUnreadable(`has a line of more than ${maxLineBytes} bytes`))
  for await (const chunk of arriving(stream)) {
    for (const line of lines.push(chunk)) {
      const event = parseEvent(line)
      if (event !== undefined && !signal.aborted) onEvent(event)
    }
    pace.spend(chunk.length)
    await pace.turn(signal)
  }
}

/** Translates what the stream rejects with, and not what its reader throws. */
async function* arriving(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* stream
  } catch (error) {
    throw connectionError('GET /events', error)
  }
}

/**
 * One line as an event, or undefined when it tells of no action. Engines since 29 send `Type`, `Action` and `Actor`
 * only; before 1.10 there were only `status` and `id`. Podman says `died` where Docker says `die`, and
 * `containerExitCode` where Docker says `exitCode`.
 */
export function parseEvent(line: string): EngineEvent | undefined {
  const fields = record(parseLine(line))
  const action = (text(fields.Action) || text(fields.status)).split(':', 1)[0]?.trim() ?? ''
  if (action === '') return undefined
  const actor = record(fields.Actor)
  const attributes = record(actor.Attributes)
  const exitCode = text(attributes.exitCode) || text(attributes.containerExitCode)
  return {
    type: text(fields.Type),
    action: action === 'died' ? 'die' : action,
    id: text(actor.ID) || text(fields.id),
    ...(exitCode === '' ? {} : { exitCode }),
  }
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    throw eventsUnreadable('holds a line that is not JSON')
  }
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function text(value: unknown): string {
  return typeof value === 'string' ? cutText(value, 128) : ''
}
