import { containerRef } from '../engine/container-ref.ts'
import type { ExecCommand } from '../engine/exec.ts'
import { demandActions } from './actions-allowed.ts'
import { argument, badArgument, count, flag } from './arguments.ts'
import { demandMonitored } from './engine-of.ts'
import type { Args, OperationStream, StreamOperation, VmContext } from './operation.ts'

const MAX_WORDS = 1_000
const MAX_SIZE = 10_000

/**
 * A command in a container. `command`: its words as a JSON list of texts; `tty` and `stdin`: `true` for a terminal and
 * for standard input; `user`: who runs it, by default whom the container runs as; `columns` and `rows`: the size that
 * the terminal has from the beginning.
 */
export const exec: StreamOperation = {
  name: 'exec',
  args: ['vmuuid', 'container', 'command'],

  async open(context, args, signal) {
    const command = wordsOf(args.command ?? '')
    const wanted = { command, tty: flag(args, 'tty'), stdin: flag(args, 'stdin'), user: argument(args, 'user') }
    return openExec(context, args, wanted, signal)
  },
}

/** Where the pool's administrator allows it, and the VM is monitored. */
export async function openExec(
  context: VmContext,
  args: Args,
  command: ExecCommand,
  signal: AbortSignal,
): Promise<OperationStream> {
  const container = containerRef(args.container ?? '')
  demandMonitored(context.vm)
  await demandActions(context, signal)
  const engine = await context.engine(signal)
  return engine.exec(container, { ...command, size: sizeOf(args) }, signal)
}

function sizeOf(args: Args): ExecCommand['size'] {
  const [columns, rows] = [count(args, 'columns', MAX_SIZE, 0), count(args, 'rows', MAX_SIZE, 0)]
  return columns > 0 && rows > 0 ? { columns, rows } : undefined
}

function wordsOf(text: string): string[] {
  const words = parsed(text)
  const fine = Array.isArray(words) && words.length > 0 && words.length <= MAX_WORDS
  if (!fine || !words.every((word) => typeof word === 'string') || words[0] === '') {
    throw badArgument('command', text, 'the words of a command as a JSON list of texts, such as ["ls","-l"]')
  }
  return words
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
