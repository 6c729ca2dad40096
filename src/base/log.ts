import { closeSync, openSync } from 'node:fs'
import { destination, pino, type DestinationStream, type Logger } from 'pino'
import { cutText, steadyJson } from './text.ts'

/** Structured log lines. Never pass key material, passwords or session refs. */
export interface Log extends Pick<Logger, 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'> {
  /** The same log with these members in every line. */
  child(members: Readonly<Record<string, string>>): Log
}

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** References and PEM text in foreign error texts are blotted out: a session's reference is as good as a password. */
const SECRET = /OpaqueRef:[0-9a-f-]{36}|-----BEGIN [^]*?(?:-----END [A-Z ]+-----|$)/g

/** Foreign errors quote what guests say, 35 KB of it for example, twice, and escaped: the rest says nothing new. */
const MOST_MESSAGE_CHARS = 1000
const MOST_STACK_CHARS = 4000
/** Of the message, where the stack says it again. */
const MOST_AGAIN_CHARS = 100

/**
 * JSON lines to `stream`, with message, error text and stack freed of secrets, and nothing in them that steers a terminal
 * on which somebody looks at the file.
 */
export function createLog(level: LogLevel, stream: DestinationStream): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: (thrown: unknown) => serializeError(thrown) },
    },
    { write: (line) => stream.write(steadyJson(line)) },
  )
}

/** Causes of causes only so far: foreign errors may go round in circles. */
function serializeError(thrown: unknown, depth = 0): unknown {
  if (!(thrown instanceof Error)) return cutText(blot(String(thrown)), MOST_MESSAGE_CHARS)
  const cause = thrown.cause === undefined || depth >= 5 ? {} : { cause: serializeError(thrown.cause, depth + 1) }
  const message = cutText(blot(thrown.message), MOST_MESSAGE_CHARS)
  // It begins with the message, and where it happened comes after that.
  const stack = blot((thrown.stack ?? '').replace(thrown.message, () => cutText(message, MOST_AGAIN_CHARS)))
  return { type: thrown.name, message, stack: cutText(stack, MOST_STACK_CHARS), ...cause }
}

function blot(text: string): string {
  return text.replace(SECRET, '[hidden]')
}

/** Appends to `path`, created for root's eyes only. A full disk loses lines but never stops the daemon. Throws when it cannot be opened. */
export function fileStream(path: string, onError: (error: Error) => void): DestinationStream {
  closeSync(openSync(path, 'a', 0o600))
  const stream = destination({ dest: path, sync: true })
  let complained = false
  stream.on('error', (error: Error) => {
    if (!complained) onError(error)
    complained = true
  })
  return stream
}

/** Writes each line to all of them. */
export function teeStream(streams: readonly DestinationStream[]): DestinationStream {
  return {
    write(line) {
      for (const stream of streams) stream.write(line)
    },
  }
}
