import type { AnyAuthMethod, AuthHandlerMiddleware, NextAuthHandler } from 'ssh2'
import { asError } from '../../base/errors.ts'
import type { DialState, LoginRefusal } from './errors.ts'
import { keyRefused, passwordRefused } from './login-errors.ts'
import type { SshKey } from './ssh-key.ts'

/** One question of a guest's during a login, as it words it. */
export interface Prompt {
  readonly text: string
  /** Whether what is typed may be seen. */
  readonly echo: boolean
}

/** Answers to all of a guest's questions, in their order; undefined: none any more, which ends the dial. */
export type Asker = (prompts: readonly Prompt[]) => Promise<readonly string[] | undefined>

/** How one connection proves who logs in. */
export interface Login {
  /** The error when the guest does not take it. */
  readonly refused: LoginRefusal
  /**
   * What ssh2 asks for each next proof; `state` is told what the guest would take instead. `fail` ends the dial; without
   * an error, as refused.
   */
  handler(username: string, state: DialState, fail: (error?: Error) => void): AuthHandlerMiddleware
}

/** With a key, once: there is nothing else we would show a guest. */
export function keyLogin(key: SshKey, called?: string): Login {
  return {
    refused: (state, where) => keyRefused(state, where, called),
    handler(username, state) {
      let asked = false
      return (offered, partial) => {
        if (asked) {
          // ssh2 asks again when our key was refused
          Object.assign(state, { offered: offered ?? undefined, partial: partial === true })
          return false
        }
        asked = true
        return { type: 'publickey', username, key: key.parsed }
      }
    },
  }
}

/** A guest asks a few questions; one that goes on for ever is not answered. */
const MOST_QUESTIONS = 12

/**
 * By answers: a password, or whatever the guest asks by keyboard-interactive, which is tried first as it words its
 * questions itself. A refused answer makes the same question again, until `ask` has no more answers.
 */
export function askingLogin(ask: Asker): Login {
  return {
    refused: passwordRefused,
    handler(username, state, fail) {
      const conversation = new Conversation(ask, username, fail)
      return (offered, partial, next) => {
        Object.assign(state, { offered: offered ?? state.offered, partial: partial === true })
        // The first question is which methods there are (RFC 4252, 5.2).
        if (offered === null) return { type: 'none', username }
        return conversation.next(offered, next)
      }
    },
  }
}

class Conversation {
  readonly #ask: Asker
  readonly #username: string
  readonly #fail: (error?: Error) => void
  #asked = 0

  constructor(ask: Asker, username: string, fail: (error?: Error) => void) {
    this.#ask = ask
    this.#username = username
    this.#fail = fail
  }

  /** The next method, at once or by `next` once the user has answered; false: none. */
  next(offered: readonly string[], next: NextAuthHandler): AnyAuthMethod | false | undefined {
    const username = this.#username
    if (offered.includes('keyboard-interactive')) {
      return {
        type: 'keyboard-interactive',
        username,
        prompt: (...[, , , prompts, finish]) => this.#pass(prompts, finish),
      }
    }
    if (!offered.includes('password')) return false
    void this.#answers([{ text: 'Password: ', echo: false }], ([password = '']) =>
      next({ type: 'password', username, password }),
    )
    return undefined
  }

  #pass(
    prompts: readonly { readonly prompt: string; readonly echo?: boolean }[],
    finish: (all: string[]) => void,
  ): void {
    const questions = prompts.map(({ prompt, echo }) => ({ text: prompt, echo: echo === true }))
    void this.#answers(questions, (answers) => finish(questions.map((_, i) => answers[i] ?? '')))
  }

  async #answers(questions: readonly Prompt[], tell: (answers: readonly string[]) => void): Promise<void> {
    try {
      const many = ++this.#asked > MOST_QUESTIONS || questions.length > MOST_QUESTIONS
      const answers = many ? undefined : await this.#ask(questions)
      if (answers === undefined) this.#fail()
      else tell(answers)
    } catch (error) {
      this.#fail(asError(error))
    }
  }
}
