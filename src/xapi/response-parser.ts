/** A whole HTTP response, as far as XAPI's callers want it. */
export interface Answer {
  readonly status: number
  readonly body: Buffer
}

const MOST_HEAD_BYTES = 64 * 1024
/** A pool of 64 hosts with 1,000 VMs each would send some 200 MB; more than that is no answer. */
const MOST_BODY_BYTES = 256 * 1024 * 1024
const NOTHING = Buffer.alloc(0)

/**
 * Reads HTTP responses one after the other from the bytes of a pipelined connection: status and body, by
 * Content-Length, in chunks, or until the connection closes (RFC 9112 section 6.3).
 */
export class ResponseParser {
  #head = ''
  #status = 0
  #body: Buffer[] = []
  #bodyBytes = 0
  /** Bytes still to come; undefined while the next thing is a head or a chunk-size line. */
  #left: number | undefined
  #state: 'head' | 'body' | 'chunk-size' | 'chunk' | 'trailer' | 'until-close' = 'head'
  #last = false

  /** Whether the server has said that no other response comes after the current one. */
  get last(): boolean {
    return this.#last
  }

  /** Takes `data` up to the end of the current response: that response, if it ends there, and what is left over. */
  feed(data: Buffer): { readonly answer: Answer | undefined; readonly rest: Buffer } {
    let at = 0
    while (at < data.length) {
      if (this.#state === 'until-close') {
        this.#keep(data.subarray(at))
        break
      }
      if (this.#left === undefined) {
        at = this.#readLine(data, at)
        if (this.#state === 'head' && this.#left === 0) return this.#end(data, at)
        continue
      }
      const taken = Math.min(this.#left, data.length - at)
      this.#take(data.subarray(at, at + taken))
      at += taken
      if (this.#left > 0) break
      this.#left = undefined
      if (this.#state === 'body') return this.#end(data, at)
      this.#state = 'chunk-size'
    }
    return { answer: undefined, rest: NOTHING }
  }

  /** The response that ends with its connection; undefined when something is missing. */
  close(): Answer | undefined {
    return this.#state === 'until-close' ? this.#answer() : undefined
  }

  /** Bytes of a body, or of a chunk with its line end, of which two bytes are no content. */
  #take(bytes: Buffer): void {
    const after = this.#left! - bytes.length
    const lineEnd = this.#state === 'chunk' ? 2 : 0
    if (after >= lineEnd) this.#keep(bytes)
    else if (this.#left! > lineEnd) this.#keep(bytes.subarray(0, this.#left! - lineEnd))
    this.#left = after
  }

  #keep(bytes: Buffer): void {
    this.#bodyBytes += bytes.length
    if (this.#bodyBytes > MOST_BODY_BYTES) throw new Error(`the response is longer than ${MOST_BODY_BYTES} bytes`)
    this.#body.push(bytes)
  }

  #end(data: Buffer, at: number) {
    const answer = this.#answer()
    this.#state = 'head'
    this.#head = ''
    this.#left = undefined
    return { answer, rest: data.subarray(at) }
  }

  #answer(): Answer {
    const body = this.#body.length === 1 ? this.#body[0]! : Buffer.concat(this.#body)
    this.#body = []
    this.#bodyBytes = 0
    return { status: this.#status, body }
  }

  /** Takes up to the next line feed and acts on a whole line. `#left` 0 in state `head` says: ended right here. */
  #readLine(data: Buffer, from: number): number {
    const newline = data.indexOf(10, from)
    const to = newline === -1 ? data.length : newline + 1
    this.#head += data.toString('latin1', from, to)
    if (this.#head.length > MOST_HEAD_BYTES) throw new Error('the response head is longer than 64 KiB')
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
    const isBlank = text.endsWith('\n\r\n') || text.endsWith('\n\n')
    if (this.#state === 'trailer') {
      if (isBlank || /^\r?\n$/.test(text)) [this.#state, this.#left] = ['head', 0]
    } else if (isBlank) this.#headDone(text)
  }

  #headDone(head: string): void {
    this.#head = ''
    const [, version, status] = /^HTTP\/1\.([01]) (\d{3})\b/i.exec(head) ?? []
    if (status === undefined) throw new Error('the response does not begin as HTTP does')
    this.#status = Number(status)
    // RFC 9112 section 9.3: the default of HTTP 1.0 is to close.
    const keeps = version === '1' || /^connection:.*\bkeep-alive\b/im.test(head)
    this.#last = !keeps || /^connection:.*\bclose\b/im.test(head)
    const length = /^content-length:\s*(\d+)\s*$/im.exec(head)?.[1]
    if (/^transfer-encoding:.*chunked/im.test(head)) this.#state = 'chunk-size'
    else if (length === undefined) this.#state = 'until-close'
    else if (Number(length) === 0) this.#left = 0
    else [this.#state, this.#left] = ['body', Number(length)]
  }
}
