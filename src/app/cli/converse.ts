import { linked } from '../../base/deadline.ts'
import { StoppedError } from '../../base/errors.ts'
import type { OperationStream } from '../../operations/operation.ts'
import { DetachKeys } from './detach-keys.ts'
import type { Terminal } from './terminal.ts'

export interface ConversationWish {
  /** Standard input goes to the container. */
  readonly input: boolean
  /** The container has a terminal: ours, where it is one, becomes raw and passes on its size. */
  readonly tty: boolean
}

/**
 * Holds a conversation on this terminal until it ends: the exit code of the command. The terminal is as before
 * afterwards, whatever happens. Rejects with a DiagnosedError when the conversation breaks, and with the signal's
 * reason.
 */
export async function converse(
  stream: OperationStream,
  terminal: Terminal,
  wish: ConversationWish,
  signal: AbortSignal,
): Promise<number> {
  const restore = wish.tty && wish.input ? terminal.raw() : () => undefined
  const unfollow = wish.tty ? followSize(stream, terminal) : () => undefined
  try {
    return await linked(signal, async (mine, abort) => {
      if (wish.input) void sendInput(stream, terminal, wish.tty, () => abort(new StoppedError('left by Ctrl-P Ctrl-Q')))
      else stream.end()
      for await (const { from, data } of stream.output) await terminal.write(from, data)
      return (await stream.exitCode(mine)) ?? 0
    })
  } catch (error) {
    if (error instanceof StoppedError && !signal.aborted) return 0
    // What the container had written last may not have ended its line.
    if (wish.tty && terminal.outputIsTerminal) await terminal.write('out', '\r\n')
    throw error
  } finally {
    unfollow()
    restore()
    stream.close()
  }
}

/** Until the input ends, or the conversation takes no more. */
async function sendInput(stream: OperationStream, terminal: Terminal, tty: boolean, leave: () => void): Promise<void> {
  const keys = new DetachKeys()
  try {
    for await (const typed of terminal.input()) {
      const { pass, leave: left } = tty ? keys.take(typed) : { pass: typed, leave: false }
      if (pass.length > 0) await stream.write(pass)
      if (left) return leave()
    }
    stream.end()
  } catch {
    // The conversation is over: its output tells why.
  }
}

/** The container's terminal gets the size of ours, now and at each change. */
function followSize(stream: OperationStream, terminal: Terminal): () => void {
  if (!terminal.outputIsTerminal) return () => undefined
  const pass = () => {
    const { columns, rows } = terminal.size()
    stream.resize(columns, rows).catch(() => undefined)
  }
  pass()
  return terminal.onResize(pass)
}
