import { parseArgs, type ParseArgsOptionsConfig } from 'node:util'

/** The words of a command line, sorted. */
export interface CommandLine {
  readonly verb: string
  /** What is left of the words after the verb, options taken out. */
  readonly args: readonly string[]
  /** For a verb that runs a command: that command's words, as they are. */
  readonly command: readonly string[]
  /** By long name; undefined when not given. */
  readonly options: Readonly<Record<string, string | boolean | undefined>>
}

/** What the parser has to know of a verb. */
export interface Grammar {
  readonly options: ParseArgsOptionsConfig
  /** After so many words everything belongs to a command, options too; undefined: nothing does. */
  readonly commandAfter?: number
}

/** Options that may stand before the verb as well. */
export const COMMON = {
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
  config: { type: 'string' },
} as const satisfies ParseArgsOptionsConfig

/**
 * Sorts the words by what `grammarOf` says of the verb among them; a verb that it does not know, or none, comes back
 * with nothing else sorted. Throws an Error whose message names the wrong word.
 */
export function parseCommandLine(
  words: readonly string[],
  grammarOf: (verb: string) => Grammar | undefined,
): CommandLine {
  const verbAt = placeOfWord(words, COMMON, 1) ?? words.length
  const verb = words[verbAt] ?? ''
  const first = parseArgs({ args: words.slice(0, verbAt), options: COMMON }).values
  const grammar = grammarOf(verb)
  if (grammar === undefined) return { verb, args: [], command: [], options: first }
  const rest = words.slice(verbAt + 1)
  const options = { ...COMMON, ...grammar.options }
  const { commandAfter } = grammar
  const end = commandAfter === undefined ? undefined : placeOfWord(rest, options, commandAfter)
  const cut = end === undefined ? rest.length : end + 1
  const { values, positionals } = parseArgs({ args: rest.slice(0, cut), options, allowPositionals: true })
  const command = rest.slice(cut)
  if (command[0] === '--') command.shift()
  return { verb, args: positionals, command, options: { ...first, ...values } }
}

/** Where the n-th word stands that is neither an option nor an option's value. */
function placeOfWord(words: readonly string[], options: ParseArgsOptionsConfig, n: number): number | undefined {
  const { tokens } = parseArgs({ args: [...words], options, strict: false, allowPositionals: true, tokens: true })
  return tokens.filter(({ kind }) => kind === 'positional')[n - 1]?.index
}

/** The number that an option gives. Throws an Error that names the option. */
export function numberOption(line: CommandLine, name: string, least: number, most: number): number | undefined {
  const text = line.options[name]
  if (typeof text !== 'string') return undefined
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= least && value <= most) return value
  throw new Error(`--${name} takes a whole number from ${least} to ${most}, not ${JSON.stringify(text)}`)
}

export function textOption(line: CommandLine, name: string): string | undefined {
  const value = line.options[name]
  return typeof value === 'string' ? value : undefined
}
