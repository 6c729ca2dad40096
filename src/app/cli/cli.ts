import type { Clock } from '../../base/clock.ts'
import { asError, DiagnosedError, StoppedError } from '../../base/errors.ts'
import { cleanForTerminal } from '../../base/text.ts'
import { configNamed } from '../plugin/config-glance.ts'
import { notRoot } from '../root-only.ts'
import { VERSION } from '../version.ts'
import { parseCommandLine, textOption, type CommandLine } from './command-line.ts'
import { CliContext, type CliIo } from './context.ts'
import { EXIT, type VerbSpec } from './verb.ts'
import { VERBS, verbNamed } from './verbs.ts'

export interface RunDeps {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly io: CliIo
  readonly clock: Clock
  /** The user that this runs as; left out: root. */
  readonly uid?: number | undefined
  /** Aborts when the user wants no more. */
  readonly signal: AbortSignal
}

/** Runs one command line; the exit code, as the help lists them. Never rejects. */
export async function runCli(words: readonly string[], deps: RunDeps): Promise<number> {
  const { io, signal } = deps
  try {
    const line = parseCommandLine(words, (verb) => (verb === 'help' ? { options: {} } : verbNamed(verb)))
    if (line.options['version'] === true) return say(io, `xscontainer ${VERSION}\n`)
    if (line.options['help'] === true || line.verb === 'help') return await help(io, line)
    const spec = verbNamed(line.verb)
    if (spec === undefined) return usage(io, unknownVerb(line.verb))
    const refusal = notRoot('xscontainer', deps.uid)
    if (refusal !== undefined) return complain(io, refusal)
    const wrong = wrongCount(spec, line)
    return wrong === undefined ? await run(spec, line, deps) : usage(io, wrong, line.verb)
  } catch (error) {
    if (signal.aborted) return EXIT.interrupted
    return complain(io, asError(error))
  }
}

async function run(spec: VerbSpec, line: CommandLine, { env, ...deps }: RunDeps): Promise<number> {
  const verb = await spec.load()
  const context = new CliContext({ ...deps, configPath: textOption(line, 'config') ?? configNamed(env) })
  try {
    return await verb(context, line)
  } finally {
    await context.close()
  }
}

/** `help`, `help VERB`, `VERB --help`. */
async function help(io: CliIo, line: CommandLine): Promise<number> {
  const { mainHelp, verbHelp } = await import('./help.ts')
  const name = line.verb === 'help' ? (line.args[0] ?? '') : line.verb
  const spec = verbNamed(name)
  if (name !== '' && spec === undefined) return usage(io, unknownVerb(name))
  return say(io, spec === undefined ? mainHelp(VERBS) : verbHelp(name, spec))
}

function unknownVerb(verb: string): string {
  return verb === '' ? 'a command is missing' : `there is no command ${JSON.stringify(verb)}`
}

function wrongCount({ least, most, synopsis }: VerbSpec, { args }: CommandLine): string | undefined {
  const surplus = args[most]
  if (surplus !== undefined) return `there is one word too many, ${JSON.stringify(surplus)}`
  return args.length < least ? `something is missing: xscontainer ${synopsis}` : undefined
}

function complain(io: CliIo, error: Error): number {
  if (!(error instanceof DiagnosedError)) {
    return error instanceof StoppedError ? EXIT.failed : usage(io, error.message)
  }
  io.err(`xscontainer: ${clean(error.message)}\n`)
  return USAGE_KINDS.has(error.diagnosis.kind) ? EXIT.usage : EXIT.failed
}

const USAGE_KINDS: ReadonlySet<string> = new Set(['config', 'ambiguous', 'no-such-vm', 'bad-argument'])

function usage(io: CliIo, what: string, verb = ''): number {
  io.err(`xscontainer: ${clean(what)}. See xscontainer ${verb === '' ? '' : `${verb} `}--help\n`)
  return EXIT.usage
}

/** Line by line, with its indentation: lists of candidates have several. */
function clean(text: string): string {
  const lines = text.split('\n').map((line) => {
    const words = line.trimStart()
    return line.slice(0, line.length - words.length).replace(/[^ ]/g, ' ') + cleanForTerminal(words)
  })
  return lines.join('\n')
}

function say(io: CliIo, text: string): number {
  io.out(text)
  return EXIT.done
}
