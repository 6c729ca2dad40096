import type { CliContext } from './context.ts'
import type { CommandLine, Grammar } from './command-line.ts'

/** Runs one command line of a verb; the exit code. Rejects with a DiagnosedError, or an Error about the words. */
export type Verb = (context: CliContext, line: CommandLine) => Promise<number>

/** All that is known of a verb without loading what it needs. */
export interface VerbSpec extends Grammar {
  /** As in the help: `ps [VM] [-a]`. */
  readonly synopsis: string
  readonly summary: string
  /** How many words it takes, a command aside. */
  readonly least: number
  readonly most: number
  load(): Promise<Verb>
}

export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  interrupted: 130,
} as const
