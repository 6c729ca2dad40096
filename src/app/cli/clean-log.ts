import { StringDecoder } from 'node:string_decoder'
import { cleanLines } from '../../operations/log-text.ts'

/** The beginning of a control sequence, with nothing after it yet; or a CR that may belong to a line end. */
const BEGUN = /(?:\u001B(?:\[[0-?]*[ -/]*|[\]PX^_][^\u0007\u001B\u009C\n]*\u001B?|[ -/]*)|\u009B[0-?]*[ -/]*|\r)$/
/** What is longer and still not complete is none. */
const MOST_HELD = 1024

/** A container's log as a terminal may get it: lines, tabs and blanks stay; colours and all that steers go. */
export class LogCleaner {
  readonly #decoder = new StringDecoder('utf8')
  #held = ''

  /** The next bytes; what may be the beginning of a sequence is kept back until it is known. */
  clean(bytes: Buffer): string {
    const text = this.#held + this.#decoder.write(bytes)
    const begun = BEGUN.exec(text.slice(-MOST_HELD))?.[0] ?? ''
    this.#held = begun
    return cleanLines(text.slice(0, text.length - begun.length))
  }

  /** What was kept back, at the end. */
  end(): string {
    return cleanLines(this.#held + this.#decoder.end())
  }
}
