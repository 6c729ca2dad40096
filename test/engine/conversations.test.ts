import { getEventListeners } from 'node:events'
import http from 'node:http'
import type { Duplex } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { diagnosisOf } from '../../src/base/errors.ts'
import type { Conversation } from '../../src/engine/conversation.ts'
import { ConnectionLostError } from '../../src/engine/errors.ts'
import { settle } from '../fakes/fake-clock.ts'
import { frame } from '../sim/guest/container-log.ts'
import { DOCKER, InMemoryEngine } from './in-memory-engine.ts'

const UPGRADED = 'HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n'
const OLD = 'HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n'
const PIPED = { command: ['cat'], tty: false, stdin: true }
const TERMINAL = { command: ['sh'], tty: true, stdin: true }

/** An engine that knows one command, and does this once it is to be started. */
class ExecEngine {
  readonly engine: InMemoryEngine
  readonly requests: string[] = []
  answers: Record<string, [status: number, body: string]> = {
    create: [201, '{"Id":"e1"}'],
    json: [200, '{"Running":false,"ExitCode":0}'],
    resize: [200, ''],
  }

  constructor(started: (stream: Duplex) => void) {
    const server = http.createServer((request, response) => {
      this.#read(request, (body) => this.#answer(request, body, response))
    })
    // Node gives the body of such a request as what came after it.
    server.on('upgrade', (request: http.IncomingMessage, stream: Duplex, head: Buffer) => {
      this.#note(request, head.toString())
      started(stream)
    })
    this.engine = new InMemoryEngine((stream) => server.emit('connection', stream))
  }

  async start(command = PIPED, signal = this.engine.signal): Promise<Conversation> {
    return (await this.engine.connect()).exec('web', command, signal)
  }

  #read(request: http.IncomingMessage, then: (body: string) => void): void {
    let body = ''
    request.on('data', (data) => (body += data))
    request.on('end', () => then(body))
  }

  #note(request: http.IncomingMessage, body: string): void {
    this.requests.push(`${request.method} ${request.url} ${body}`.trim())
  }

  #answer(request: http.IncomingMessage, body: string, response: http.ServerResponse): void {
    if (request.url === '/version') return void response.end(JSON.stringify(DOCKER))
    this.#note(request, body)
    const word = (request.url ?? '').replace(/\?.*/, '').split('/').at(-1) ?? ''
    const [status, reply] = this.answers[word === 'exec' ? 'create' : word] ?? [404, '{}']
    response.writeHead(status).end(reply)
  }
}

async function told(conversation: Conversation): Promise<[string, string]> {
  const all = { out: '', err: '' }
  for await (const { from, data } of conversation.output) all[from] += data.toString()
  return [all.out, all.err]
}

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )

describe('exec', () => {
  it('says what is to be run, once, and asks for the stream', async () => {
    const exec = new ExecEngine((stream) => stream.end(UPGRADED))
    expect(await told(await exec.start({ ...PIPED, user: 'nobody' } as typeof PIPED))).toEqual(['', ''])
    const created =
      '{"AttachStdin":true,"AttachStdout":true,"AttachStderr":true,"Tty":false,"Cmd":["cat"],"User":"nobody"}'
    expect(exec.requests).toEqual([
      `POST /v1.41/containers/web/exec ${created}`,
      'POST /v1.41/exec/e1/start {"Detach":false,"Tty":false}',
    ])
  })

  it.each([
    ['a switch of protocols', UPGRADED],
    ['headers alone, as old engines', OLD],
  ])('talks both ways after %s', async (_name, head) => {
    const heard: string[] = []
    const exec = new ExecEngine((stream) => {
      stream.on('data', (data) => heard.push(String(data)))
      stream.on('end', () => stream.end(frame('out', Buffer.from('bye'))))
      stream.write(
        Buffer.concat([Buffer.from(head), frame('out', Buffer.from('hello ')), frame('err', Buffer.from('no'))]),
      )
    })
    const conversation = await exec.start()
    const all = told(conversation)
    await conversation.write(Buffer.from('one'))
    await conversation.write(Buffer.from('two'))
    conversation.end()
    expect(await all).toEqual(['hello bye', 'no'])
    expect(heard.join('')).toBe('onetwo')
    await settle()
    expect(exec.engine.open).toBeLessThanOrEqual(1)
  })

  it('takes a terminal as it comes', async () => {
    const exec = new ExecEngine((stream) => stream.end(`${UPGRADED}\x01\0\0\0\xFF\xFF`))
    expect(await told(await exec.start(TERMINAL))).toEqual(['\x01\0\0\0\xFF\xFF', ''])
  })

  it('takes frames that are cut anywhere', async () => {
    const bytes = Buffer.concat([
      frame('out', Buffer.from('abc')),
      frame('err', Buffer.alloc(0)),
      frame('err', Buffer.from('d')),
    ])
    const exec = new ExecEngine((stream) => {
      stream.write(UPGRADED)
      const send = (at: number): void => {
        if (at === bytes.length) return void stream.end()
        stream.write(bytes.subarray(at, at + 1), () => setImmediate(send, at + 1))
      }
      send(0)
    })
    expect(await told(await exec.start())).toEqual(['abc', 'd'])
  })

  it('takes a frame that claims 4 GB for what comes, and then finds it broken off', async () => {
    const exec = new ExecEngine((stream) =>
      stream.end(Buffer.concat([Buffer.from(UPGRADED), Buffer.from('01000000ffffffff', 'hex'), Buffer.from('short')])),
    )
    const conversation = await exec.start()
    const output = conversation.output[Symbol.asyncIterator]()
    expect(await output.next()).toMatchObject({ value: { from: 'out', data: Buffer.from('short') } })
    await expect(output.next()).rejects.toBeInstanceOf(ConnectionLostError)
  })

  it.each(['04000000000000ff', '0100000100000001', 'ffffffffffffffff', '48545450'.repeat(2)])(
    'refuses %s as a frame',
    async (hex) => {
      const exec = new ExecEngine((stream) =>
        stream.write(Buffer.concat([Buffer.from(UPGRADED), Buffer.from(hex, 'hex')])),
      )
      const error = await failure(told(await exec.start()))
      expect(diagnosisOf(error).kind).toBe('stream-malformed')
      await settle()
      expect(exec.engine.open).toBeLessThanOrEqual(1)
    },
  )

  it.each([
    ['null', 'reply-wrong-shape'],
    ['{}', 'reply-wrong-shape'],
    ['{"Id":7}', 'reply-wrong-shape'],
    ['{"Id":"../../containers/x/kill"}', 'reply-wrong-shape'],
    ['<html>', 'reply-not-json'],
  ])('starts nothing when the engine gives %s as its id', async (reply, kind) => {
    const exec = new ExecEngine(() => undefined)
    exec.answers['create'] = [201, reply]
    expect(diagnosisOf(await failure(exec.start())).kind).toBe(kind)
    expect(exec.requests).toHaveLength(1)
  })

  it('passes on why it cannot be started', async () => {
    const body = '{"message":"container is not running"}'
    const exec = new ExecEngine((stream) =>
      stream.end(`HTTP/1.1 409 Conflict\r\nContent-Length: ${body.length}\r\n\r\n${body}`),
    )
    const error = await failure(exec.start())
    expect(diagnosisOf(error).kind).toBe('engine-conflict')
    expect(String(error)).toContain('container is not running')
  })

  it('gives up an engine that never answers, and leaves nothing open', async () => {
    const exec = new ExecEngine(() => undefined)
    const starting = failure(exec.start())
    await settle()
    await exec.engine.clock.advance(10_000)
    expect(diagnosisOf(await starting).kind).toBe('engine-timeout')
    await settle()
    expect(exec.engine.open).toBeLessThanOrEqual(1)
  })

  it('lasts longer than a call may take', async () => {
    const exec = new ExecEngine((stream) => {
      stream.write(UPGRADED)
      exec.engine.clock.after(100_000, () => stream.end(frame('out', Buffer.from('done'))))
    })
    const all = told(await exec.start())
    await exec.engine.clock.advance(100_000)
    expect(await all).toEqual(['done', ''])
  })

  it('tells when its stream breaks', async () => {
    const exec = new ExecEngine((stream) => void stream.write(UPGRADED))
    const conversation = await exec.start()
    const all = failure(told(conversation))
    exec.engine.streams.at(-1)?.destroy(new Error('reset'))
    expect(await all).toBeInstanceOf(ConnectionLostError)
    await conversation.write(Buffer.from('nobody'))
    conversation.end()
  })

  it.each([UPGRADED, OLD])('tells when its stream broke before anybody read: %j', async (head) => {
    const exec = new ExecEngine((stream) => void stream.write(head))
    const conversation = await exec.start()
    exec.engine.streams.at(-1)?.destroy(new Error('reset'))
    await settle()
    expect(await failure(told(conversation))).toBeInstanceOf(ConnectionLostError)
  })

  it('ends the stream when it is closed before anybody read', async () => {
    const exec = new ExecEngine((stream) => void stream.write(UPGRADED))
    const conversation = await exec.start()
    conversation.close()
    expect([exec.engine.streams.at(-1)?.destroyed, await told(conversation)]).toEqual([true, ['', '']])
  })

  it('lets go of the signal that it began under', async () => {
    const stop = new AbortController()
    const exec = new ExecEngine((stream) => stream.end(UPGRADED))
    const conversation = await exec.start(PIPED, stop.signal)
    expect(getEventListeners(stop.signal, 'abort')).toHaveLength(1)
    await told(conversation)
    expect(getEventListeners(stop.signal, 'abort')).toHaveLength(0)
  })
})

describe('writing', () => {
  it('waits for an engine that does not read', async () => {
    let far: Duplex | undefined
    const exec = new ExecEngine((stream) => {
      far = stream.pause()
      stream.write(UPGRADED)
    })
    const conversation = await exec.start()
    let taken = 0
    const writing = (async () => {
      for (let i = 0; i < 20; i++) {
        await conversation.write(Buffer.alloc(50_000))
        taken++
      }
    })()
    await settle()
    expect(taken).toBeLessThan(10)
    far?.resume()
    await writing
    expect(taken).toBe(20)
    conversation.close()
  })

  it('is let go when the conversation is closed meanwhile', async () => {
    const exec = new ExecEngine((stream) => void stream.pause().write(UPGRADED))
    const conversation = await exec.start()
    const writes = Promise.all(Array.from({ length: 20 }, () => conversation.write(Buffer.alloc(50_000))))
    await settle()
    conversation.close()
    await writes
  })
})

describe('resize', () => {
  it('says rows and columns, and tries again while the command has not begun', async () => {
    const exec = new ExecEngine((stream) => void stream.write(UPGRADED))
    exec.answers['resize'] = [409, '{"message":"cannot resize a stopped container"}']
    const conversation = await exec.start(TERMINAL)
    const resizing = conversation.resize(132, 43)
    await exec.engine.clock.advance(100)
    exec.answers['resize'] = [201, '']
    await exec.engine.clock.advance(100)
    await resizing
    expect(exec.requests.filter((line) => line.includes('resize'))).toEqual(
      Array(3).fill('POST /v1.41/exec/e1/resize?h=43&w=132'),
    )
    conversation.close()
  })

  it('says at last why it cannot be', async () => {
    const exec = new ExecEngine((stream) => void stream.write(UPGRADED))
    exec.answers['resize'] = [500, '{"message":"no"}']
    const conversation = await exec.start(TERMINAL)
    const resizing = failure(conversation.resize(1, 1))
    await exec.engine.clock.advance(1000)
    expect(diagnosisOf(await resizing).kind).toBe('engine-error')
    conversation.close()
  })

  it('is nothing without a terminal', async () => {
    const exec = new ExecEngine((stream) => void stream.write(UPGRADED))
    const conversation = await exec.start()
    await conversation.resize(1, 1)
    expect(exec.requests.some((line) => line.includes('resize'))).toBe(false)
    conversation.close()
  })
})

describe('the exit code', () => {
  it('is waited for while the engine still calls the command running', async () => {
    const exec = new ExecEngine((stream) => stream.end(UPGRADED))
    exec.answers['json'] = [200, '{"Running":true,"ExitCode":null}']
    const conversation = await exec.start()
    await told(conversation)
    const code = conversation.exitCode(exec.engine.signal)
    await exec.engine.clock.advance(300)
    exec.answers['json'] = [200, '{"Running":false,"ExitCode":137}']
    await exec.engine.clock.advance(100)
    expect(await code).toBe(137)
  })

  it.each(['{"Running":true}', '{"Running":false,"ExitCode":null}', '{"ExitCode":"7"}', '{"ExitCode":1e99}'])(
    'is unknown when the engine says %s',
    async (reply) => {
      const exec = new ExecEngine((stream) => stream.end(UPGRADED))
      exec.answers['json'] = [200, reply]
      const conversation = await exec.start()
      await told(conversation)
      const code = conversation.exitCode(exec.engine.signal)
      await exec.engine.clock.advance(10_000)
      expect(await code).toBeUndefined()
    },
  )
})
