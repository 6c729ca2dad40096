import type { OutputChunk } from './demultiplexer.ts'

/** What is being said with a container: a command in it, a terminal, or its log as it grows. */
export interface Conversation {
  /** What comes, in order, no faster than it is read, once; ends with the conversation, throws when it breaks. */
  readonly output: AsyncIterable<OutputChunk>
  /** Standard input; resolves when the engine has taken it, or will never take any more. */
  write(data: Buffer): Promise<void>
  /** The end of standard input. */
  end(): void
  /** Does nothing where there is no terminal. */
  resize(columns: number, rows: number): Promise<void>
  /** After the output has ended: the command's exit code, undefined where there is no command or the engine lost it. */
  exitCode(signal: AbortSignal): Promise<number | undefined>
  /** Ends the conversation from this side; `output` ends as well. */
  close(): void
}
