import { containerRef } from './container-ref.ts'
import { inspectContainer } from './container-calls.ts'
import type { Conversation } from './conversation.ts'
import type { EngineCalls } from './engine-calls.ts'
import { replyWrongShape } from './errors.ts'
import { LastBytesBuffer } from './last-bytes.ts'
import { Lifetime } from './lifetime.ts'
import { readOutput } from './read-output.ts'
import { member } from './replies.ts'
import type { Dial } from './stream-modem.ts'

/** Which part of a container's log. */
export interface LogsWanted {
  /** So many of the last lines. */
  readonly lines: number
  /** None before this, Unix seconds. */
  readonly since?: number | undefined
}

/** The end of a text that may have been longer. */
export interface LastBytes {
  readonly bytes: Buffer
  /** Whether something before them was left out. */
  readonly cut: boolean
}

/** An engine cuts lines after 16 KiB and then counts each part: the most that it sends for 1,000 lines, with frames. */
const READ_BYTES = 17_000_000

/** Reads no further than the most that an honest engine sends, and keeps the last `maxBytes` of that. */
export async function readLogs(
  calls: EngineCalls,
  ref: string,
  wanted: LogsWanted,
  maxBytes: number,
  signal: AbortSignal,
): Promise<LastBytes> {
  const { id, framed } = await logOf(calls, ref, signal)
  const last = new LastBytesBuffer(maxBytes)
  const name = nameOf(id)
  await calls.call(name, signal, async (_docker, own) => {
    const life = new Lifetime(own)
    for await (const { data } of readOutput(name, framed, life, () => openLog(calls, id, wanted, false, life))) {
      last.push(data)
      if (last.total > READ_BYTES) break
    }
  })
  return { bytes: last.bytes(), cut: last.total > maxBytes }
}

/** The reply is waited for by whoever reads: Podman sends no headers before the first line. */
export async function followLogs(
  calls: EngineCalls,
  ref: string,
  wanted: LogsWanted,
  signal: AbortSignal,
): Promise<Conversation> {
  const { id, framed } = await logOf(calls, ref, signal)
  const life = new Lifetime(signal)
  return {
    output: readOutput(nameOf(id), framed, life, () => openLog(calls, id, wanted, true, life)),
    write: () => Promise.resolve(),
    end: () => undefined,
    resize: () => Promise.resolve(),
    exitCode: () => Promise.resolve(undefined),
    close: () => life.end(),
  }
}

/** Only the container's own document tells, for all engines, whether its output comes in frames. */
async function logOf(calls: EngineCalls, ref: string, signal: AbortSignal): Promise<{ id: string; framed: boolean }> {
  const document = await inspectContainer(calls, ref, signal)
  const id = document.Id
  if (typeof id !== 'string') throw replyWrongShape(`GET /containers/${containerRef(ref)}/json`, 'of a container')
  return { id: containerRef(id), framed: member(document, 'Config').Tty !== true }
}

async function openLog(
  calls: EngineCalls,
  id: string,
  { lines, since }: LogsWanted,
  follow: boolean,
  life: Lifetime,
): Promise<AsyncIterable<Buffer>> {
  const dial: Dial = {
    method: 'GET',
    path: `/containers/${id}/logs?`,
    options: { stdout: true, stderr: true, tail: String(lines), follow, since: since?.toFixed(0) },
    isStream: true,
    statusCodes: { 200: true },
  }
  return (await calls.dial(dial, life.signal)) as AsyncIterable<Buffer>
}

function nameOf(id: string): string {
  return `GET /containers/${id}/logs`
}
