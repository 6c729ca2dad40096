const MAX_HEAD_BYTES = 64 * 1024

/**
 * Finds where each HTTP response ends in the bytes of a pipelined connection. Only the framing is looked at
 * (Content-Length, chunked, or until the connection closes: RFC 9112 section 6.3); Node's own parser reads the rest.
 */
export class ResponseFramer {
  #head = ''
  /** Bytes still to come; undefined while the next thing is a head or a chunk-size line. */
  #left: number | undefined
  #state: 'head' | 'body' | 'chunk-size' | 'chunk' | 'trailer' | 'until-close' = 'head'
  #last = false

  /** Whether the server has said that no other response comes after the current one. */
  get last(): boolean {
    return this.#last
  }

  /** Cuts `data` after the end of the current response, if it ends there. */
  cut(data: Buffer): { readonly mine: Buffer; readonly rest: Buffer; readonly done: boolean } {
    let at = 0
    while (at < data.length) {
      if (this.#state === 'until-close') return { mine: data, rest: Buffer.alloc(0), done: false }
      if (this.#left !== undefined) {
        const taken = Math.min(this.#left, data.length - at)
        at += taken
        this.#left -= taken
        if (this.#left > 0) break
        this.#left = undefined
        if (this.#state === 'body') return this.#end(data, at)
        this.#state = 'chunk-size'
        continue
      }
      at = this.#readLine(data, at)
      if (this.#state === 'head' && this.#left === 0) return this.#end(data, at)
    }
    return { mine: data, rest: Buffer.alloc(0), done: false }
  }

  #end(data: Buffer, at: number) {
    this.#state = 'head'
    this.#head = ''
    this.#left = undefined
    return { mine: data.subarray(0, at), rest: data.subarray(at), done: true }
  }

  /** Takes up to the next line feed and acts on a whole line. `#left` 0 in state `head` says: ended right here. */
  #readLine(data: Buffer, from: number): number {
    const newline = data.indexOf(10, from)
    const to = newline === -1 ? data.length : newline + 1
    this.#head += data.toString('latin1', from, to)
    if (this.#head.length > MAX_HEAD_BYTES) throw new Error('the response head is longer than 64 KiB')
    if (newline !== -1) this.#line()
    return to
  }

  #line(): void {
    const text = this.#head
    if (this.#state === 'chunk-size') {
      const size = Number.parseInt(text, 16)
      if (!(size >= 0)) throw new Error('a chunk size is not a number')
      this.#head = ''
      if (size === 0) this.#state = 'trailer'
      else [this.#state, this.#left] = ['chunk', size + 2]
      return
    }
    const whole =
      this.#state === 'trailer'
        ? /^\r?\n$/.test(text.slice(text.lastIndexOf('\n', text.length - 2) + 1))
        : /\r?\n\r?\n$/.test(text)
    if (!whole) return
    if (this.#state === 'trailer') [this.#state, this.#left] = ['head', 0]
    else this.#headDone(text)
  }

  #headDone(head: string): void {
    this.#head = ''
    // RFC 9112 section 9.3: the default of HTTP 1.0 is to close.
    const keeps = /^http\/1\.0/i.test(head) ? /^connection:.*\bkeep-alive\b/im.test(head) : true
    this.#last = !keeps || /^connection:.*\bclose\b/im.test(head)
    const length = /^content-length:\s*(\d+)\s*$/im.exec(head)?.[1]
    if (/^transfer-encoding:.*chunked/im.test(head)) this.#state = 'chunk-size'
    else if (length === undefined) this.#state = 'until-close'
    else if (Number(length) === 0) this.#left = 0
    else [this.#state, this.#left] = ['body', Number(length)]
  }
}
