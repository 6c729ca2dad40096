import { connect, type Socket } from 'node:net'

import { valueOf } from './xmlrpc-request.ts'
import { WireStruct, type WireValue } from './wire-value.ts'
import { parseXml } from './xml-tree.ts'
import { xmlArray, xmlString, xmlStruct } from './xmlrpc-codec.ts'

export interface RawAnswer {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

/** A parameter as a test writes it: strings and arrays of them, numbers as double, booleans, maps. */
export type Param = string | number | boolean | readonly string[] | Readonly<Record<string, string | boolean>>

/** One connection to a simulator's socket that speaks bare HTTP, so that tests see each byte of an answer. */
export class WireClient {
  private readonly socket: Socket
  private chunks: Buffer[] = []
  private size = 0
  private needed = 0
  private ended = false
  private readonly answers: ((answer: RawAnswer | undefined) => void)[] = []

  constructor(path: string) {
    this.socket = connect(path)
    this.socket.on('data', (chunk: Buffer) => {
      this.chunks.push(chunk)
      this.size += chunk.length
      this.deliver()
    })
    this.socket.on('close', () => {
      this.ended = true
      for (const answer of this.answers.splice(0)) answer(undefined)
    })
    this.socket.on('error', () => {})
  }

  /** Whether the server has ended the connection. */
  get closed(): boolean {
    return this.ended
  }

  /** Sends bytes as they are; undefined: the connection ended without an answer. */
  raw(bytes: string | Buffer): Promise<RawAnswer | undefined> {
    if (this.ended) return Promise.resolve(undefined)
    return new Promise((resolve) => {
      this.answers.push(resolve)
      this.socket.write(bytes)
    })
  }

  post(body: string | Buffer, path = '/', headers = ''): Promise<RawAnswer | undefined> {
    const head = `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${headers}\r\n`
    return this.raw(Buffer.concat([Buffer.from(head), Buffer.from(body)]))
  }

  /** The value of a successful call; rejects with the failure's description joined by `|`. */
  async call(method: string, ...params: readonly Param[]): Promise<WireValue> {
    const answer = await this.post(methodCall(method, params))
    if (answer?.status !== 200) throw new Error(answer === undefined ? 'no answer' : `HTTP ${answer.status}`)
    return parseAnswer(answer.body)
  }

  /** As call, for what answers with a string. */
  async text(method: string, ...params: readonly Param[]): Promise<string> {
    const value = await this.call(method, ...params)
    if (typeof value !== 'string') throw new Error(`${method} did not answer with a string`)
    return value
  }

  /** A session of its own for the tests' calls. */
  async login(originator = 'test'): Promise<string> {
    return this.text('session.login_with_password', 'root', '', '1.0', originator)
  }

  close(): void {
    this.socket.destroy()
  }

  private deliver(): void {
    while (this.size >= this.needed) {
      const all = Buffer.concat(this.chunks)
      this.chunks = [all]
      const end = all.indexOf('\r\n\r\n')
      if (end < 0) return
      const [status = '', ...lines] = all.toString('utf8', 0, end).split('\r\n')
      const headers = new Map(lines.map((line) => line.split(': ', 2) as [string, string]))
      const length = end + 4 + Number(headers.get('content-length') ?? 0)
      // The rest of a long answer is not looked at until all of it is there.
      this.needed = length
      if (all.length < length) return
      this.needed = 0
      this.chunks = [all.subarray(length)]
      this.size = all.length - length
      const body = all.toString('utf8', end + 4, length)
      this.answers.shift()?.({ status: Number(status.split(' ')[1]), headers, body })
      if (this.size === 0) return
    }
  }
}

export function methodCall(method: string, params: readonly Param[]): string {
  const list = params.map((param) => `<param>${paramXml(param)}</param>`).join('')
  return `<?xml version="1.0"?><methodCall><methodName>${method}</methodName><params>${list}</params></methodCall>`
}

/** The value in a methodResponse; throws the failure's description joined by `|`. */
export function parseAnswer(body: string): WireValue {
  const response = valueOf(parseXml(body).children[0]?.children[0]?.children[0])
  if (!(response instanceof WireStruct)) throw new Error('not a struct')
  const failure = response.get('ErrorDescription')
  if (Array.isArray(failure)) throw new Error(failure.join('|'))
  return response.get('Value') ?? null
}

/** A struct as an object, at all depths: what tests compare. */
export function plain(value: WireValue): unknown {
  if (value instanceof WireStruct) return Object.fromEntries(value.members.map(([k, v]) => [k, plain(v)]))
  if (Array.isArray(value)) return value.map(plain)
  return typeof value === 'bigint' ? Number(value) : value
}

function paramXml(param: Param): string {
  if (typeof param === 'string') return xmlString(param)
  if (typeof param === 'number') return `<value><double>${param}</double></value>`
  if (typeof param === 'boolean') return `<value><boolean>${param ? 1 : 0}</boolean></value>`
  if (Array.isArray(param)) return xmlArray(param.map((item: string) => xmlString(item)))
  return xmlStruct(Object.entries(param).map(([name, value]) => [name, paramXml(value as Param)]))
}
