import { ask, openHere } from './ask.ts'
import { LogCleaner } from './clean-log.ts'
import { numberOption, textOption, type CommandLine } from './command-line.ts'
import type { CliContext } from './context.ts'
import { EXIT, type Verb } from './verb.ts'
import type { CliVm } from './vms.ts'

const MOST_LINES = 1000

/** What a container has printed last; with --follow also what it prints from then on, until Ctrl-C. */
export const logs: Verb = async (context, line) => {
  const [word = '', object = ''] = line.args
  const args = { object, ...wanted(line) }
  const vm = await context.vm(word)
  if (line.options['follow'] === true) return follow(context, vm, args)
  const text = await ask(context, vm, 'get_logs', args)
  await context.io.terminal.write('out', text === '' || text.endsWith('\n') ? text : `${text}\n`)
  return EXIT.done
}

function wanted(line: CommandLine): Record<string, string> {
  const lines = numberOption(line, 'tail', 1, MOST_LINES)
  const since = textOption(line, 'since')
  return { ...(lines !== undefined && { lines: String(lines) }), ...(since !== undefined && { since }) }
}

/** Standard error of the container goes to ours, as with docker. */
async function follow(context: CliContext, vm: CliVm, args: Record<string, string>): Promise<number> {
  const { terminal } = context.io
  const stream = await openHere(context, vm, 'follow_logs', args, 'logs --follow')
  const cleaners = { out: new LogCleaner(), err: new LogCleaner() }
  const close = () => stream.close()
  context.signal.addEventListener('abort', close, { once: true })
  try {
    for await (const { from, data } of stream.output) await terminal.write(from, cleaners[from].clean(data))
    for (const from of ['out', 'err'] as const) await terminal.write(from, cleaners[from].end())
  } finally {
    context.signal.removeEventListener('abort', close)
    stream.close()
  }
  return context.signal.aborted ? EXIT.interrupted : EXIT.done
}
