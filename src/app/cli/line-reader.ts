import { abortReason } from '../../base/clock.ts'
import { RefusedError } from '../../base/errors.ts'
import { cleanForTerminal } from '../../base/text.ts'
import type { CliIo } from './context.ts'

/** Nobody types more; what a pipe brings beyond it is no answer. */
const LONGEST = 4096

/** Asks on the terminal, or of what stands in its place, line by line. */
export class LineReader {
  readonly #io: CliIo
  #input: AsyncIterator<Buffer> | undefined
  #rest = Buffer.alloc(0)

  constructor(io: CliIo) {
    this.#io = io
  }

  /** The next line, without its end; undefined when there is none any more. `echo` false: it is not shown. */
  async ask(prompt: string, echo: boolean, signal: AbortSignal): Promise<string | undefined> {
    const { terminal } = this.#io
    const show = echo ? () => undefined : terminal.hidden()
    if (show === undefined) throw cannotHide()
    this.#io.err(cleanForTerminal(prompt))
    try {
      return await this.#line(signal)
    } finally {
      show()
      if (!echo || !terminal.inputIsTerminal) this.#io.err('\n')
    }
  }

  async #line(signal: AbortSignal): Promise<string | undefined> {
    for (;;) {
      const end = this.#rest.indexOf(10)
      if (end !== -1) return this.#take(end, end + 1)
      if (this.#rest.length > LONGEST) return undefined
      const chunk = await this.#next(signal)
      if (chunk === undefined)
        return this.#rest.length > 0 ? this.#take(this.#rest.length, this.#rest.length) : undefined
      this.#rest = Buffer.concat([this.#rest, chunk])
    }
  }

  #take(end: number, next: number): string {
    const line = this.#rest.toString('utf8', 0, end).replace(/\r$/, '')
    this.#rest = this.#rest.subarray(next)
    return line
  }

  /** One iterator for all lines: ending it would end the input. */
  #next(signal: AbortSignal): Promise<Buffer | undefined> {
    this.#input ??= this.#io.terminal.input()[Symbol.asyncIterator]()
    const input = this.#input
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(abortReason(signal))
      const onAbort = () => reject(abortReason(signal))
      signal.addEventListener('abort', onAbort, { once: true })
      input
        .next()
        .then(({ value, done }) => resolve(done === true ? undefined : value), reject)
        .finally(() => signal.removeEventListener('abort', onAbort))
    })
  }
}

function cannotHide(): RefusedError {
  return new RefusedError({
    kind: 'no-hidden-input',
    cause: 'This terminal cannot be told not to show what is typed (stty failed)',
    cure: 'Give the password by --password-file FILE',
  })
}
