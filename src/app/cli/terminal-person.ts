import { RefusedError } from '../../base/errors.ts'
import type { Prompt } from '../../transports/ssh/login.ts'
import type { Person } from '../prepare/prepare-context.ts'
import type { LineReader } from './line-reader.ts'

/** Whoever sits at the terminal. With `yes` going on is taken for granted, but nothing more. */
export class TerminalPerson implements Person {
  readonly #reader: LineReader
  readonly #yes: boolean

  constructor(reader: LineReader, yes: boolean) {
    this.#reader = reader
    this.#yes = yes
  }

  async confirm(question: string, signal: AbortSignal): Promise<boolean> {
    return this.#yes || (await this.#ask(question, signal))
  }

  async consent(question: string, signal: AbortSignal): Promise<boolean> {
    return !this.#yes && (await this.#ask(question, signal))
  }

  async answer(prompts: readonly Prompt[], signal: AbortSignal): Promise<readonly string[]> {
    const answers: string[] = []
    for (const { text, echo } of prompts) {
      const answer = await this.#reader.ask(text, echo, signal)
      if (answer === undefined)
        throw noAnswer('what the guest asks for', 'Use a terminal, --password-file or --identity')
      answers.push(answer)
    }
    return answers
  }

  async #ask(question: string, signal: AbortSignal): Promise<boolean> {
    const answer = await this.#reader.ask(`${question} [y/N] `, true, signal)
    if (answer === undefined) throw noAnswer('whether to go on', 'Answer on a terminal, or give --yes')
    return /^\s*y(?:es)?\s*$/i.test(answer)
  }
}

function noAnswer(what: string, cure: string): RefusedError {
  return new RefusedError({ kind: 'no-answer', cause: `Nobody answered ${what}`, cure })
}
