import type { ServerResponse } from 'node:http'
import { describe, expect, it } from 'vitest'
import { DeadlineError, diagnosisOf, RefusedError, TransientError } from '../../src/base/errors.ts'
import { ConnectionLostError } from '../../src/engine/errors.ts'
import { settle } from '../fakes/fake-clock.ts'
import { DOCKER, InMemoryEngine, KEPT, LIMITS, raw, rejection } from './in-memory-engine.ts'

const body = (reply: string | Buffer) => InMemoryEngine.docker((_request, response) => response.end(reply))
const status = (code: number, reply: string) =>
  InMemoryEngine.docker((_request, response) => response.writeHead(code).end(reply))

async function failure(engine: InMemoryEngine): Promise<unknown> {
  const connected = await engine.connect()
  const error = await connected.info(engine.signal).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  await settle()
  expect(engine.open).toBeLessThanOrEqual(KEPT)
  expect(engine.clock.pending).toBe(0)
  return error
}

describe('opening', () => {
  it('asks /version without a prefix and speaks the negotiated version from then on', async () => {
    const engine = InMemoryEngine.docker((_request, response) => response.end('[]'))
    const connected = await engine.connect()
    expect([connected.apiVersion, connected.product]).toEqual(['1.41', 'docker'])
    await connected.list(engine.signal)
    expect(engine.asked).toEqual(['/version', '/v1.41/containers/json?all=true'])
  })

  it('asks for some containers by their ids alone', async () => {
    const engine = InMemoryEngine.docker((_request, response) => response.end('[]'))
    const connected = await engine.connect()
    await connected.list(engine.signal, ['aa', 'bb'])
    const query = new URL(engine.asked[1]!, 'http://engine').searchParams
    expect(Object.fromEntries(query)).toEqual({ all: 'true', filters: '{"id":["aa","bb"]}' })
  })

  it('knows Podman by its components', async () => {
    const document = { ApiVersion: '1.41', MinAPIVersion: '1.24', Components: [{ Name: 'Podman Engine' }] }
    const engine = InMemoryEngine.http((_request, response) => response.end(JSON.stringify(document)))
    expect((await engine.connect()).product).toBe('podman')
  })

  it.each([
    ['an engine that is too old', '{"ApiVersion":"1.18"}', 'engine-too-old'],
    ['a document of something else', '{"hello":"world"}', 'reply-wrong-shape'],
    ['a list', '[]', 'reply-wrong-shape'],
    ['a web page', '<!DOCTYPE html><html></html>', 'reply-not-json'],
    ['nothing', '', 'reply-not-json'],
    ['null', 'null', 'reply-wrong-shape'],
  ])('refuses %s', async (_name, reply, kind) => {
    const engine = InMemoryEngine.http((_request, response) => response.end(reply))
    const error = await engine.connect().catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(RefusedError)
    expect(diagnosisOf(error).kind).toBe(kind)
  })

  it('passes on what openStream rejects with', async () => {
    const engine = InMemoryEngine.docker(() => undefined)
    const refusal = new RefusedError({ kind: 'no-socket', cause: 'No socket', cure: 'Install Docker' })
    const deps = { clock: engine.clock, openStream: () => Promise.reject(refusal) }
    const { Engine } = await import('../../src/engine/engine.ts')
    await expect(Engine.open(deps, LIMITS, engine.signal)).rejects.toBe(refusal)
  })
})

describe('replies that are not what was asked for', () => {
  it.each([
    ['HTML', body('<html><body>502</body></html>'), RefusedError, 'reply-not-json', 'with HTML or XML instead of JSON'],
    ['text', body('hello'), RefusedError, 'reply-not-json', 'with text instead of JSON'],
    ['truncated JSON', body('{"Containers": 3, "Na'), TransientError, 'reply-truncated', 'breaks off'],
    ['a list', body('[1,2]'), RefusedError, 'reply-wrong-shape', 'is not an object'],
    ['a number', body('7'), RefusedError, 'reply-wrong-shape', 'is not an object'],
    ['404', status(404, '{"message":"page not found"}'), RefusedError, 'engine-not-found', 'HTTP 404: page not found'],
    ['409', status(409, '{"message":"is not running"}'), RefusedError, 'engine-conflict', 'HTTP 409: is not running'],
    ['403', status(403, '{"message":"no"}'), RefusedError, 'engine-denied', 'HTTP 403: no'],
    ['500', status(500, '{"message":"a\\u001b[1m\\nb"}'), TransientError, 'engine-error', 'HTTP 500: a\uFFFD[1m b. '],
    ['500 of a proxy', status(500, '<html>'), TransientError, 'engine-error', 'with HTTP 500. '],
    ['a message of a wrong type', status(500, '{"message":{"a":1}}'), TransientError, 'engine-error', 'HTTP 500. '],
    ['204', status(204, ''), RefusedError, 'engine-rejected', 'HTTP 204'],
  ])('%s', async (_name, engine, type, kind, text) => {
    const error = await failure(engine)
    expect(error).toBeInstanceOf(type)
    expect(diagnosisOf(error).kind).toBe(kind)
    expect(String(error)).toContain(text)
    expect(String(error)).toContain('GET /info')
  })

  it('cuts a long message of the engine', async () => {
    const error = await failure(status(500, JSON.stringify({ message: 'long '.repeat(100_000) })))
    expect(String(error).length).toBeLessThan(600)
  })

  it('follows no redirect, whatever it points to', async () => {
    for (const location of ['http://127.0.0.1:1/', 'ftp://x/', 'nonsense']) {
      const engine = InMemoryEngine.docker((_request, response) => response.writeHead(301, { location }).end())
      expect(diagnosisOf(await failure(engine)).kind).toBe('engine-rejected')
      expect(engine.asked).toHaveLength(2)
      expect(engine.streams).toHaveLength(KEPT)
    }
  })

  it('takes JSON that is nested a hundred thousand deep', async () => {
    const connected = await body(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`).connect()
    expect(Object.keys(await connected.info(new AbortController().signal))).toEqual(['a'])
  })

  it('drops list items that are no objects, and refuses a list that is none', async () => {
    const connected = await body('[null, 7, [], {"Id":"a"}]').connect()
    expect(await connected.list(new AbortController().signal)).toEqual([{ Id: 'a' }])
    const wrong = await body('{"message":"x"}').connect()
    await expect(wrong.list(new AbortController().signal)).rejects.toThrow('is not a list')
  })
})

describe('replies that are no HTTP', () => {
  const HEAD = 'HTTP/1.1 200 OK\r\n'
  it.each([
    ['SSH', raw('SSH-2.0-OpenSSH_9.2\r\n'), RefusedError, 'reply-not-http'],
    ['a flood of header', raw(`${HEAD}X: ${'a'.repeat(40_000)}\r\n\r\n`), RefusedError, 'reply-not-http'],
    ['two lengths', raw(`${HEAD}Content-Length: 5\r\nContent-Length: 6\r\n\r\n{}   `), RefusedError, 'reply-not-http'],
    ['nothing, then the end', raw(''), ConnectionLostError, 'engine-connection-lost'],
    ['half of the body', raw(`${HEAD}Content-Length: 50\r\n\r\n{"A":`), ConnectionLostError, 'engine-connection-lost'],
    [
      'half of a chunk',
      raw(`${HEAD}Transfer-Encoding: chunked\r\n\r\n50\r\n{`),
      ConnectionLostError,
      'engine-connection-lost',
    ],
    [
      '1xx without end',
      raw('HTTP/1.1 102 Wait\r\n\r\n'.repeat(50), false),
      ConnectionLostError,
      'engine-connection-lost',
    ],
    [
      'another protocol',
      raw('HTTP/1.1 101 Hi\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n', false),
      ConnectionLostError,
      'engine-connection-lost',
    ],
  ])('%s', async (_name, serve, type, kind) => {
    const engine = new InMemoryEngine(serve)
    const error = await engine.connect().catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(type)
    expect(diagnosisOf(error).kind).toBe(kind)
    await settle()
    expect(engine.open).toBe(0)
  })

  it('survives a stream that breaks with an error, during the call and after it', async () => {
    const engine = new InMemoryEngine(() => undefined)
    const outcome = rejection(engine.connect())
    await settle()
    engine.streams[0]?.destroy(new Error('channel \x1B[1m reset'))
    await settle()
    expect(outcome.error).toBeInstanceOf(ConnectionLostError)
    expect(String(outcome.error)).toContain('(channel \uFFFD[1m reset)')
    engine.streams[0]?.emit('error', new Error('late'))
  })
})

describe('the stream of one request', () => {
  const inTurn = async (engine: InMemoryEngine, between: () => void = () => undefined) => {
    const connected = await engine.connect()
    await connected.info(engine.signal)
    between()
    await settle()
    await connected.list(engine.signal)
    return [engine.asked.length, engine.streams.length, engine.open]
  }
  const docker = (headers = {}) =>
    InMemoryEngine.docker((request, response) => {
      response.writeHead(200, headers).end(request.url?.includes('info') === true ? '{}' : '[]')
    })

  it('serves the next', async () => expect(await inTurn(docker())).toEqual([3, 1, 1]))

  it('serves any number of requests without gathering listeners', async () => {
    const engine = docker()
    const connected = await engine.connect()
    const listeners = () => engine.streams[0]!.eventNames().map((name) => engine.streams[0]!.listenerCount(name))
    await connected.info(engine.signal)
    const before = listeners()
    for (let i = 0; i < 20; i++) await connected.info(engine.signal)
    expect([engine.streams.length, listeners()]).toEqual([1, before])
  })

  it('is not used again when the engine does not want that', async () => {
    expect(await inTurn(docker({ connection: 'close' }))).toEqual([3, 2, 0])
  })

  it('is not used again when the engine closed it, or its connection broke, after the reply', async () => {
    const [ended, broken] = [docker(), docker()]
    expect(await inTurn(ended, () => ended.far(0).end())).toEqual([3, 2, 1])
    expect(await inTurn(broken, () => broken.streams[0]?.destroy(new Error('reset')))).toEqual([3, 2, 1])
  })

  it('is not used again when something came that nobody has asked for', async () => {
    const engine = docker()
    expect(await inTurn(engine, () => engine.far(0).write('HTTP/1.1 200 OK\r\n\r\n'))).toEqual([3, 2, 1])
  })

  it('is given up when there is more than the reply', async () => {
    const document = JSON.stringify(DOCKER)
    const reply = `HTTP/1.1 200 OK\r\nContent-Length: ${document.length}\r\n\r\n${document}`
    const engine = new InMemoryEngine(raw(reply + reply, false))
    expect((await engine.connect()).apiVersion).toBe('1.41')
    await settle()
    expect(engine.open).toBe(0)
  })

  it('is asked again on a fresh one when the engine closes it at that moment', async () => {
    const engine = InMemoryEngine.docker((request, response) => {
      if (engine.streams.length === 1) request.socket.destroy()
      else response.end('[]')
    })
    const connected = await engine.connect()
    expect(await connected.list(engine.signal)).toEqual([])
    expect([engine.asked.length, engine.streams.length]).toEqual([3, 2])
  })

  it('is not asked a third time', async () => {
    const engine = InMemoryEngine.docker((request) => request.socket.destroy())
    const connected = await engine.connect()
    await expect(connected.list(engine.signal)).rejects.toThrow(ConnectionLostError)
    expect([engine.asked.length, engine.streams.length, engine.open]).toEqual([3, 2, 0])
  })

  it('is one of a few, however many ask at once; actions do not keep questions waiting', async () => {
    const waiting: ServerResponse[] = []
    const engine = InMemoryEngine.docker((request, response) => {
      if (request.method === 'POST') return
      waiting.push(response)
    })
    const connected = await engine.connect()
    const actions = Array.from({ length: 40 }, () => rejection(connected.act('c', 'stop', engine.signal)))
    const answers = Promise.all(Array.from({ length: 30 }, () => connected.info(engine.signal)))
    let most = 0
    for (let answered = 0; answered < 30; answered++) {
      await settle()
      most = Math.max(most, waiting.length)
      waiting.shift()?.end('{}')
    }
    await answers
    expect([most, engine.asked.filter((path) => path.endsWith('/stop')).length]).toEqual([8, 16])
    engine.stop.abort(new Error('enough'))
    await settle()
    expect(actions.every(({ error }) => error !== undefined)).toBe(true)
  })

  it('is shared by nobody at the same time, and only one is kept', async () => {
    const engine = docker()
    const connected = await engine.connect()
    await Promise.all([connected.info(engine.signal), connected.info(engine.signal), connected.list(engine.signal)])
    await settle()
    expect([engine.streams.length, engine.open]).toEqual([3, 1])
  })
})

describe('replies that are too much', () => {
  async function sent(write: (response: ServerResponse, chunk: Buffer) => void): Promise<[unknown, number]> {
    let bytes = 0
    const engine = InMemoryEngine.docker((_request, response) => {
      const chunk = Buffer.alloc(50_000, '[')
      const more = () => {
        while (bytes < 50_000_000 && !response.destroyed) {
          bytes += chunk.length
          if (!response.write(chunk)) return void response.once('drain', more)
        }
      }
      write(response, chunk)
      more()
    })
    return [await failure(engine), bytes]
  }

  it('refuses 50 MB once the limit is passed, and stops reading', async () => {
    const [error, bytes] = await sent(() => undefined)
    expect(error).toBeInstanceOf(RefusedError)
    expect(diagnosisOf(error).kind).toBe('reply-too-large')
    expect(bytes).toBeLessThan(2_000_000)
  })

  it('refuses 50 MB at once when they are announced', async () => {
    const [error, bytes] = await sent((response) => response.writeHead(200, { 'content-length': 50_000_000 }))
    expect(diagnosisOf(error).kind).toBe('reply-too-large')
    expect(bytes).toBeLessThan(500_000)
  })

  it('takes a reply of exactly the limit', async () => {
    const connected = await body(`{"a":"${'x'.repeat(LIMITS.replyBytes - 8)}"}`).connect()
    expect(await connected.info(new AbortController().signal)).toHaveProperty('a')
    const over = await body(`{"a":"${'x'.repeat(LIMITS.replyBytes - 7)}"}`).connect()
    await expect(over.info(new AbortController().signal)).rejects.toThrow('more than 1000000 bytes')
  })
})

describe('replies that do not come', () => {
  it('ends a call that is never answered at its deadline', async () => {
    const engine = new InMemoryEngine(() => undefined)
    const outcome = rejection(engine.connect())
    await engine.clock.advance(9_999)
    expect(outcome.error).toBeUndefined()
    await engine.clock.advance(1)
    expect(outcome.error).toBeInstanceOf(DeadlineError)
    expect(String(outcome.error)).toContain('did not answer GET /version within 10 s')
    expect([engine.open, engine.clock.pending]).toEqual([0, 0])
  })

  it('ends a call that is answered at one byte a second', async () => {
    const engine = InMemoryEngine.docker((_request, response) => {
      const drip = () => {
        response.write(' ')
        engine.clock.after(1000, drip)
      }
      drip()
    })
    const connected = await engine.connect()
    const outcome = rejection(connected.list(engine.signal))
    await engine.clock.advance(9_999)
    expect(outcome.error).toBeUndefined()
    await engine.clock.advance(1)
    expect(outcome.error).toBeInstanceOf(DeadlineError)
    expect(engine.open).toBe(0)
  })

  it('ends a call whose stream is never opened, and closes the stream if it comes after all', async () => {
    const engine = InMemoryEngine.docker((_request, response) => response.end('{}'))
    const late = new InMemoryEngine(() => undefined)
    const openStream = async (signal: AbortSignal) => {
      await engine.clock.sleep(60_000, new AbortController().signal)
      return late.openStream(signal)
    }
    const { Engine } = await import('../../src/engine/engine.ts')
    const outcome = rejection(Engine.open({ clock: engine.clock, openStream }, LIMITS, engine.signal))
    await engine.clock.advance(10_000)
    expect(outcome.error).toBeInstanceOf(DeadlineError)
    await engine.clock.advance(50_000)
    expect([late.streams.length, late.open]).toEqual([1, 0])
    // Would end the process if nobody listened.
    late.streams[0]?.emit('error', new Error('reset'))
  })

  it('rejects with the reason of its signal at once and leaves nothing open', async () => {
    const engine = InMemoryEngine.docker(() => undefined)
    const connected = await engine.connect()
    const outcome = rejection(connected.list(engine.signal))
    await settle()
    const reason = new Error('enough')
    engine.stop.abort(reason)
    await settle()
    expect(outcome.error).toBe(reason)
    expect([engine.open, engine.clock.pending]).toEqual([0, 0])
  })
})

describe('top and ping', () => {
  it('gives the table of one container', async () => {
    const reply = { Titles: ['PID', 'CMD'], Processes: [['1', 'sh'], 'x', [7, null]] }
    const engine = body(JSON.stringify(reply))
    const connected = await engine.connect()
    expect(await connected.top('a', engine.signal)).toEqual({
      titles: ['PID', 'CMD'],
      processes: [
        ['1', 'sh'],
        ['', ''],
      ],
    })
    expect(engine.asked[1]).toBe('/v1.41/containers/a/top')
  })

  it('asks nothing of what can be no container', async () => {
    const engine = body('{}')
    const error = await (await engine.connect()).top('a/../b', engine.signal).catch((thrown: unknown) => thrown)
    expect([diagnosisOf(error).kind, engine.asked]).toEqual(['bad-container', ['/version']])
  })

  it('names the columns to Podman, and to no other engine: Windows refuses that', async () => {
    const version = { ApiVersion: '1.41', Components: [{ Name: 'Podman Engine' }] }
    const engine = InMemoryEngine.http((request, response) => {
      response.end(request.url === '/version' ? JSON.stringify(version) : '{"Titles":["PID"]}')
    })
    const connected = await engine.connect()
    await connected.top('a', engine.signal)
    expect(engine.asked[1]).toBe('/v1.41/containers/a/top?ps_args=pid%2Cppid%2Cuser%2Ctime%2Cargs')
  })

  it.each(['{}', '{"Titles":null}', '[]', '"x"'])('refuses %s as a table', async (reply) => {
    const connected = await body(reply).connect()
    await expect(connected.top('a', new AbortController().signal)).rejects.toBeInstanceOf(RefusedError)
  })

  it('takes a container without processes', async () => {
    const connected = await body('{"Titles":["PID"],"Processes":null}').connect()
    expect((await connected.top('a', new AbortController().signal)).processes).toEqual([])
  })

  it('is content with any success of /_ping', async () => {
    const engine = body('OK')
    await (await engine.connect()).ping(engine.signal)
    await expect((await status(500, '').connect()).ping(engine.signal)).rejects.toBeInstanceOf(TransientError)
    for (const refused of [403, 404]) await (await status(refused, '').connect()).ping(engine.signal)
  })
})
