import type { IncomingMessage, ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { DeadlineError, diagnosisOf, TransientError } from '../../src/base/errors.ts'
import type { Engine } from '../../src/engine/engine.ts'
import type { Verb } from '../../src/engine/container-calls.ts'
import { ConnectionLostError } from '../../src/engine/errors.ts'
import { settle } from '../fakes/fake-clock.ts'
import { DOCKER, InMemoryEngine, KEPT, rejection } from './in-memory-engine.ts'

const VERBS: readonly Verb[] = ['start', 'stop', 'restart', 'pause', 'unpause']

/** An engine that answers all with this, and the requests as it saw them. */
function answering(status: number, reply = '') {
  const seen: string[] = []
  const engine = InMemoryEngine.docker((request, response) => {
    void buffer(request).then((body) => {
      seen.push(`${request.method} ${request.url} ${body.toString()}`.trim())
      response.writeHead(status).end(reply)
    })
  })
  return { engine, seen }
}

describe('act', () => {
  it.each(VERBS)('%s sends nothing but what is to be done; the time-out is left to the container', async (verb) => {
    const { engine, seen } = answering(204)
    await (await engine.connect()).act('web', verb, engine.signal)
    expect(seen).toEqual([`POST /v1.41/containers/web/${verb}`])
    expect(engine.open).toBeLessThanOrEqual(KEPT)
  })

  it.each(VERBS)('%s is content with 304 and 200', async (verb) => {
    for (const status of [304, 200]) {
      const { engine } = answering(status)
      await (await engine.connect()).act('web', verb, engine.signal)
    }
  })

  it.each([
    [400, 'engine-rejected', 'Multiple IDs found with provided prefix: ab'],
    [404, 'engine-not-found', 'No such container: ab'],
    [409, 'engine-conflict', 'Container ab is paused'],
    [500, 'engine-error', 'port is already allocated'],
  ])('passes on what the engine says with %s', async (status, kind, message) => {
    const { engine } = answering(status, JSON.stringify({ message }))
    const error = await (await engine.connect()).act('ab', 'start', engine.signal).catch((thrown: unknown) => thrown)
    expect(diagnosisOf(error).kind).toBe(kind)
    expect(String(error)).toContain(`POST /containers/ab/start with HTTP ${status}: ${message}. `)
  })

  it.each<[Verb, number, string]>([
    ['pause', 500, 'no-pause'],
    ['unpause', 500, 'no-pause'],
    ['pause', 404, 'engine-not-found'],
    ['stop', 500, 'engine-error'],
  ])('says of a Windows engine that it has no pause: %s, %s', async (verb, status, kind) => {
    const answer = JSON.stringify({ message: 'cannot pause Windows Server Containers' })
    const version = { ...DOCKER, Os: 'windows' }
    const engine = InMemoryEngine.docker((_, response) => response.writeHead(status).end(answer), version)
    const error = await (await engine.connect()).act('web', verb, engine.signal).catch((thrown: unknown) => thrown)
    expect(diagnosisOf(error)).toMatchObject({ kind })
    if (kind === 'no-pause') expect(diagnosisOf(error).cause).toContain('Windows containers have no pause')
  })

  it('is not sent again when the connection breaks, and not over a stream that was kept', async () => {
    const engine = InMemoryEngine.docker((request) => request.socket.destroy())
    const connected = await engine.connect()
    expect(engine.open).toBe(KEPT)
    await expect(connected.act('web', 'stop', engine.signal)).rejects.toBeInstanceOf(ConnectionLostError)
    expect([engine.asked, engine.streams.length]).toEqual([['/version', '/v1.41/containers/web/stop'], 2])
  })

  it.each([
    ['start', 60],
    ['pause', 60],
    ['unpause', 60],
    ['stop', 600],
    ['restart', 600],
  ] as const)('%s is given up after %d s', async (verb, seconds) => {
    const engine = InMemoryEngine.docker(() => undefined)
    const connected = await engine.connect()
    const outcome = rejection(connected.act('web', verb, engine.signal))
    await engine.clock.advance(seconds * 1000 - 1)
    expect(outcome.error).toBeUndefined()
    await engine.clock.advance(1)
    expect(outcome.error).toBeInstanceOf(DeadlineError)
    expect([engine.open, engine.clock.pending]).toEqual([KEPT, 0])
  })
})

describe('container references', () => {
  const calls: [string, (engine: Engine, ref: string) => Promise<unknown>][] = [
    ['act', (engine, ref) => engine.act(ref, 'stop', new AbortController().signal)],
    ['inspect', (engine, ref) => engine.inspect(ref, new AbortController().signal)],
    ['top', (engine, ref) => engine.top(ref, new AbortController().signal)],
    ['stats', (engine, ref) => engine.stats(ref, new AbortController().signal)],
    ['logs', (engine, ref) => engine.logs(ref, { lines: 1 }, 1, new AbortController().signal)],
    ['followLogs', (engine, ref) => engine.followLogs(ref, { lines: 1 }, new AbortController().signal)],
    [
      'exec',
      (engine, ref) => engine.exec(ref, { command: ['ls'], tty: false, stdin: false }, new AbortController().signal),
    ],
  ]
  const BAD = [
    ...['../../version', 'a b', '', '/web', 'a/b', 'wéb', 'web\n', '-rf', '.', '..', 'a?b', 'a#b', 'a%2fb', 'a\0'],
    ...['x'.repeat(256), 'web\x1B[2J'],
  ]

  it.each(calls)('%s asks nothing of what can be none', async (_name, call) => {
    const { engine } = answering(200, '{}')
    const connected = await engine.connect()
    for (const ref of BAD) {
      const error = await call(connected, ref).catch((thrown: unknown) => thrown)
      expect(diagnosisOf(error).kind, JSON.stringify(ref)).toBe('bad-container')
    }
    expect(engine.asked).toEqual(['/version'])
  })

  it('are told in the error, cleaned and cut', async () => {
    const { engine } = answering(200, '{}')
    const error = await (await engine.connect()).inspect(`a\x1B[2J\n${'b'.repeat(500)}`, engine.signal).catch(String)
    const text = error as string
    expect(text).toContain('"a\uFFFD[2J bbb')
    expect(text.length).toBeLessThan(300)
  })

  it('are all names that engines give, and ids', async () => {
    const { engine, seen } = answering(204)
    const connected = await engine.connect()
    for (const ref of ['a', 'Shop-web_1.x', '0', 'a'.repeat(255)]) await connected.act(ref, 'start', engine.signal)
    expect(seen[1]).toBe('POST /v1.41/containers/Shop-web_1.x/start')
    expect(seen).toHaveLength(4)
  })
})

describe('inspect and stats', () => {
  it('give the document', async () => {
    const { engine, seen } = answering(200, '{"Id":"abc"}')
    const connected = await engine.connect()
    expect(await connected.inspect('web', engine.signal)).toEqual({ Id: 'abc' })
    expect(await connected.stats('web', engine.signal)).toEqual({ Id: 'abc' })
    expect(seen).toEqual([
      'GET /v1.41/containers/web/json',
      'GET /v1.41/containers/web/stats?stream=false&one-shot=true',
    ])
  })

  it('stats asks engines before API 1.41 without one-shot', async () => {
    const seen: string[] = []
    const engine = InMemoryEngine.http((request: IncomingMessage, response: ServerResponse) => {
      seen.push(request.url ?? '')
      response.end(request.url === '/version' ? JSON.stringify({ ...DOCKER, ApiVersion: '1.40' }) : '{}')
    })
    await (await engine.connect()).stats('web', engine.signal)
    expect(seen[1]).toBe('/v1.40/containers/web/stats?stream=false')
  })

  it.each(['[]', 'null', '<html>', '7', ''])('refuse %s', async (reply) => {
    const { engine } = answering(200, reply)
    const connected = await engine.connect()
    for (const call of [connected.inspect('web', engine.signal), connected.stats('web', engine.signal)]) {
      expect(diagnosisOf(await call.catch((thrown: unknown) => thrown)).kind).toMatch(/^reply-/)
    }
  })

  it('leave no stream behind when the signal aborts', async () => {
    const engine = InMemoryEngine.docker(() => undefined)
    const connected = await engine.connect()
    const stop = new AbortController()
    const outcome = rejection(connected.inspect('web', stop.signal))
    await settle()
    stop.abort(new Error('enough'))
    await settle()
    expect(outcome.error).toEqual(new Error('enough'))
    expect(engine.open).toBe(0)
    expect(outcome.error).not.toBeInstanceOf(TransientError)
  })
})
