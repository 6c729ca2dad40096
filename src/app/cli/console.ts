import { openHere } from './ask.ts'
import { converse } from './converse.ts'
import { textOption } from './command-line.ts'
import { noTerminal, sizeArgs } from './exec.ts'
import type { Verb } from './verb.ts'

/** A shell in a container on this terminal; its exit code becomes ours. */
export const console: Verb = async (context, line) => {
  const [word = '', container = ''] = line.args
  const user = textOption(line, 'user')
  const { terminal } = context.io
  if (!terminal.inputIsTerminal) throw noTerminal('console', 'Use exec -i to send commands by a pipe')
  const vm = await context.vm(word)
  const stream = await openHere(
    context,
    vm,
    'console',
    {
      container,
      ...(user !== undefined && { user }),
      ...sizeArgs(terminal),
    },
    'console',
  )
  return converse(stream, terminal, { input: true, tty: true }, context.signal)
}
