import { request } from 'node:http'
import { buffer } from 'node:stream/consumers'

/** One request to an engine's socket on the host, outside of the code under test. Rejects on a status of 400 or more. */
export function engineRequest(socketPath: string, method: string, path: string, body?: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json', 'content-length': body.length }
    const outgoing = request({ socketPath, method, path, headers, agent: false }, (reply) => {
      buffer(reply).then((data) => {
        const status = reply.statusCode ?? 0
        if (status < 400) resolve(data)
        else reject(new Error(`${method} ${path}: ${status} ${data.toString().slice(0, 500)}`))
      }, reject)
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

/** The same with JSON both ways; the caller says what shape it relies on. */
export async function engineJson<T>(socketPath: string, method: string, path: string, body?: unknown): Promise<T> {
  const sent = body === undefined ? undefined : Buffer.from(JSON.stringify(body))
  return JSON.parse((await engineRequest(socketPath, method, path, sent)).toString()) as T
}
