import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** One request as it came over the wire. */
export interface Asked {
  /** Which connection, counted from 0. */
  readonly connection: number
  readonly head: string
  readonly body: string
  readonly method: string
  /** JSON-RPC and not XML-RPC. */
  readonly json: boolean
}

/** Answers a request; says nothing when it gives undefined. Bytes are sent as they are. */
export type Script = (
  asked: Asked,
  socket: Socket,
) => string | Buffer | undefined | Promise<string | Buffer | undefined>

/** A unix socket that speaks as the test wants, for what no XAPI does on purpose. Gone with its test. */
export class ScriptedXapi {
  readonly path: string
  readonly asked: Asked[] = []
  readonly sockets: Socket[] = []
  /** Pieces of bytes as they arrived, with how many requests began in each. */
  readonly packets: number[] = []
  script: Script

  static async start(script: Script): Promise<ScriptedXapi> {
    const dir = mkdtempSync(join(tmpdir(), 'scripted-'))
    const xapi = new ScriptedXapi(join(dir, 'x'), script)
    const server = createServer((socket) => xapi.#serve(socket))
    await new Promise<void>((resolve) => server.listen(xapi.path, resolve))
    onTestFinished(() => {
      for (const socket of xapi.sockets) socket.destroy()
      server.close()
      rmSync(dir, { recursive: true })
    })
    return xapi
  }

  private constructor(path: string, script: Script) {
    this.path = path
    this.script = script
  }

  get methods(): string[] {
    return this.asked.map(({ method }) => method)
  }

  #serve(socket: Socket): void {
    const connection = this.sockets.push(socket) - 1
    let buffer = ''
    socket.on('error', () => undefined)
    socket.on('data', (data) => {
      this.packets.push(data.toString().split('POST /').length - 1)
      buffer += data.toString('latin1')
      for (let request = cut(buffer); request !== undefined; request = cut(buffer)) {
        buffer = buffer.slice(request.head.length + request.body.length)
        void this.#answer({ connection, ...request }, socket)
      }
    })
  }

  async #answer(asked: Asked, socket: Socket): Promise<void> {
    this.asked.push(asked)
    const answer = await this.script(asked, socket)
    if (answer !== undefined && !socket.destroyed) socket.write(answer)
  }
}

function cut(buffer: string): Omit<Asked, 'connection'> | undefined {
  const end = buffer.indexOf('\r\n\r\n')
  if (end === -1) return undefined
  const head = buffer.slice(0, end + 4)
  const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)
  const body = buffer.slice(head.length, head.length + length)
  if (body.length < length) return undefined
  const json = head.startsWith('POST /jsonrpc ')
  const method = (json ? /"method":"(.*?)"/ : /<methodName>(.*?)<\/methodName>/).exec(body)?.[1] ?? ''
  return { head, body, method, json }
}

/** An HTTP answer with this body. */
export function http(body: string, status = '200 OK', headers = 'content-type: text/xml\r\n'): string {
  return `HTTP/1.1 ${status}\r\n${headers}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}

/** XAPI's success with this value, XML within `<value>`. */
export function success(value: string): string {
  return http(
    `<?xml version="1.0"?><methodResponse><params><param><value><struct><member><name>Status</name><value>Success</value></member>` +
      `<member><name>Value</name><value>${value}</value></member></struct></value></param></params></methodResponse>`,
  )
}

/** XAPI's failure with this description. */
export function failure(...description: string[]): string {
  const values = description.map((text) => `<value>${text}</value>`).join('')
  return http(
    `<?xml version="1.0"?><methodResponse><params><param><value><struct><member><name>Status</name><value>Failure</value></member>` +
      `<member><name>ErrorDescription</name><value><array><data>${values}</data></array></value></member></struct></value></param></params></methodResponse>`,
  )
}

/** The same as JSON-RPC 2.0. */
export function jsonSuccess(result: unknown): string {
  return http(JSON.stringify({ jsonrpc: '2.0', id: 1, result }))
}

export function jsonFailure(message: string, ...data: string[]): string {
  return http(JSON.stringify({ jsonrpc: '2.0', id: 1, error: { code: 1, message, data } }))
}
