import { parseArgs } from 'node:util'

/** The words of a command line, sorted. */
export interface CommandLine {
  readonly command: string
  readonly args: readonly string[]
  readonly json: boolean
  readonly all: boolean
  readonly pool: boolean
  readonly help: boolean
  readonly version: boolean
  readonly config: string | undefined
}

/** Throws an Error whose message names the wrong word. */
export function parseCommandLine(words: readonly string[]): CommandLine {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      all: { type: 'boolean', short: 'a', default: false },
      pool: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
      version: { type: 'boolean', default: false },
      config: { type: 'string' },
    },
  })
  const [command = '', ...args] = positionals
  return { ...values, config: values.config, command, args }
}
