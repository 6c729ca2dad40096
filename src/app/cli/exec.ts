import { RefusedError } from '../../base/errors.ts'
import { openHere } from './ask.ts'
import { converse } from './converse.ts'
import { textOption } from './command-line.ts'
import type { Terminal } from './terminal.ts'
import type { Verb } from './verb.ts'

/** Runs a command in a container; its exit code becomes ours. */
export const exec: Verb = async (context, line) => {
  const [word = '', container = ''] = line.args
  const input = line.options['interactive'] === true
  const tty = line.options['tty'] === true
  const user = textOption(line, 'user')
  if (line.command.length === 0) throw new Error('the command to run is missing')
  if (tty && input && !context.io.terminal.inputIsTerminal) throw noTerminal('exec -it', 'Leave -t out')
  const args = {
    container,
    command: JSON.stringify(line.command),
    tty: String(tty),
    stdin: String(input),
    ...(user !== undefined && { user }),
    ...(tty && sizeArgs(context.io.terminal)),
  }
  const vm = await context.vm(word)
  const stream = await openHere(context, vm, 'exec', args, 'exec')
  return converse(stream, context.io.terminal, { input, tty }, context.signal)
}

/** The size of this terminal, where it is one, for the command's. */
export function sizeArgs(terminal: Terminal): Record<string, string> {
  const { columns, rows } = terminal.size()
  return terminal.outputIsTerminal && columns > 0 && rows > 0 ? { columns: String(columns), rows: String(rows) } : {}
}

/** For what makes no sense without somebody typing. */
export function noTerminal(what: string, cure: string): RefusedError {
  return new RefusedError({
    kind: 'no-terminal',
    cause: `${what} needs a terminal as its input, and there is none`,
    cure,
  })
}
