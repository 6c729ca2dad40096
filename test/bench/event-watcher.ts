import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

/** What one client of XAPI was shown. */
export interface Shown {
  events: number
  /** Events of VMs in `mustHave` without `docker_ps`. */
  lacking: number
}

/** A client that follows VMs by event.from, as XenCenter does; `thinkMs` passes between an answer and the next question. */
export class EventWatcher {
  shown: Shown = { events: 0, lacking: 0 }
  readonly #socketPath: string
  readonly #thinkMs: () => number
  readonly #mustHave: ReadonlySet<string>
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 })
  readonly #stop = new AbortController()

  constructor(socketPath: string, mustHave: ReadonlySet<string>, thinkMs: () => number) {
    this.#socketPath = socketPath
    this.#mustHave = mustHave
    this.#thinkMs = thinkMs
  }

  async run(): Promise<void> {
    const session = value(await this.#call('session.login_with_password', ['root', '', '1.0', 'watcher']))
    let token = ''
    while (!this.#stop.signal.aborted) {
      const answer = await this.#call('event.from', [session, ['vm'], token, 5.5]).catch(() => '')
      if (token !== '') this.#count(answer)
      token = /<name>token<\/name>\s*<value>(?:<string>)?([^<]*)/.exec(answer)?.[1] ?? token
      await sleep(this.#thinkMs(), undefined, { signal: this.#stop.signal }).catch(() => undefined)
    }
  }

  /** Counts anew. */
  reset(): void {
    this.shown = { events: 0, lacking: 0 }
  }

  stop(): void {
    this.#stop.abort()
    this.#agent.destroy()
  }

  /** Each event names its object in `ref`, and holds the whole record in between. */
  #count(answer: string): void {
    for (const event of answer.split('<name>snapshot</name>').slice(1)) {
      const uuid = /<name>uuid<\/name>\s*<value>(?:<string>)?([^<]*)/.exec(event)?.[1] ?? ''
      if (!this.#mustHave.has(uuid)) continue
      this.shown.events++
      if (!event.includes('<name>docker_ps</name>')) this.shown.lacking++
    }
  }

  #call(method: string, params: readonly (string | number | readonly string[])[]): Promise<string> {
    const body = `<?xml version="1.0"?><methodCall><methodName>${method}</methodName><params>${params.map((p) => `<param>${encode(p)}</param>`).join('')}</params></methodCall>`
    return new Promise((resolve, reject) => {
      const headers = { 'Content-Type': 'text/xml', 'Content-Length': Buffer.byteLength(body), 'User-Agent': 'watcher' }
      const options = {
        socketPath: this.#socketPath,
        path: '/',
        method: 'POST',
        headers,
        agent: this.#agent,
        signal: this.#stop.signal,
      }
      const outgoing = request(options, (reply) => {
        const chunks: Buffer[] = []
        reply.on('data', (chunk: Buffer) => chunks.push(chunk))
        reply.on('end', () => resolve(Buffer.concat(chunks).toString()))
        reply.on('error', reject)
      })
      outgoing.on('error', reject)
      outgoing.end(body)
    })
  }
}

function encode(param: string | number | readonly string[]): string {
  if (typeof param === 'string') return `<value>${param}</value>`
  if (typeof param === 'number') return `<value><double>${param}</double></value>`
  return `<value><array><data>${param.map(encode).join('')}</data></array></value>`
}

function value(answer: string): string {
  return /<name>Value<\/name>\s*<value>(?:<string>)?([^<]*)/.exec(answer)?.[1] ?? ''
}
