import { connect } from 'node:net'
import { text } from 'node:stream/consumers'

/** How late the daemon's event loop was, milliseconds. */
export interface Lateness {
  readonly samples: number
  readonly p99: number
  readonly max: number
}

/** `own`: what the daemon computed meanwhile; the rest of `wall` it waited for a processor. */
export interface LoopReport {
  readonly wall: Lateness
  readonly own: Lateness
}

interface Answers {
  watch: null
  read: LoopReport
  memory: NodeJS.MemoryUsage
  'cpu-start': null
  'cpu-stop': null
  snapshot: string
}

/** Asks the probe in a daemon (probe.ts). */
export async function askProbe<W extends keyof Answers>(socketPath: string, word: W, file = ''): Promise<Answers[W]> {
  const socket = connect(socketPath)
  socket.write(`${word} ${file}\n`)
  const answer = JSON.parse(await text(socket)) as Answers[W] & { error?: string }
  if (answer !== null && typeof answer === 'object' && answer.error !== undefined) throw new Error(answer.error)
  return answer
}
