import { StoppedError } from '../../base/errors.ts'
import { cleanForTerminal } from '../../base/text.ts'

/** Says what is being done, step by step, and remembers what stays when it is not done to the end. */
export class Steps {
  readonly #write: (text: string) => void
  readonly #changes: { what: string }[] = []
  #open = ''
  /** Whether the cursor stands behind the open step. */
  #inLine = false

  constructor(write: (text: string) => void) {
    this.#write = write
  }

  /** Changes that were made so far, one phrase each, in their order. */
  get changes(): readonly string[] {
    return this.#changes.map(({ what }) => what)
  }

  /** Does one step: prints `title .. done`, with what it gives to `note` below it, or `.. failed`. */
  async step<T>(title: string, work: (note: (text: string) => void) => Promise<T>): Promise<T> {
    this.#open = cleanForTerminal(title)
    this.#write(`${this.#open} .. `)
    this.#inLine = true
    const notes: string[] = []
    try {
      const result = await work((text) => notes.push(text))
      this.#end('done', notes)
      return result
    } catch (error) {
      this.#end(error instanceof StoppedError ? 'stopped' : 'failed', notes)
      throw error
    }
  }

  /** A step that there is nothing to do for. */
  skip(title: string, why: string): void {
    this.say(`${title} .. ${why}`)
  }

  /** A line of its own; the open step's line is written again after it. */
  say(text: string): void {
    this.#write(`${this.#inLine ? '\n' : ''}${cleanForTerminal(text)}\n`)
    this.#inLine = false
  }

  /** Something else, a question for example, is about to be written. */
  interrupt(): void {
    if (this.#inLine) this.#write('\n')
    this.#inLine = false
  }

  /**
   * A change begins: `maybe` says what may be so from now on. The returned function says what is so in the end;
   * undefined: nothing was changed.
   */
  change(maybe: string): (what: string | undefined) => void {
    const entry = { what: maybe }
    this.#changes.push(entry)
    return (what) => {
      if (what === undefined) this.#changes.splice(this.#changes.indexOf(entry), 1)
      else entry.what = what
    }
  }

  #end(how: string, notes: readonly string[]): void {
    this.#write(this.#inLine ? `${how}\n` : `${this.#open} .. ${how}\n`)
    this.#inLine = false
    for (const note of notes) this.#write(`  ${cleanForTerminal(note)}\n`)
  }
}
