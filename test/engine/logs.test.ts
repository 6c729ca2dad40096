import type { ServerResponse } from 'node:http'
import { describe, expect, it } from 'vitest'
import { DeadlineError, diagnosisOf } from '../../src/base/errors.ts'
import { LastBytesBuffer } from '../../src/engine/last-bytes.ts'
import { settle } from '../fakes/fake-clock.ts'
import { frame } from '../sim/guest/container-log.ts'
import { InMemoryEngine, rejection } from './in-memory-engine.ts'

/** An engine with one container, whose log is answered by `logs`. */
function withLog(logs: (response: ServerResponse) => void, tty = false): InMemoryEngine {
  return InMemoryEngine.docker((request, response) => {
    if (request.url?.includes('/json') === true) response.end(JSON.stringify({ Id: 'abc', Config: { Tty: tty } }))
    else logs(response)
  })
}

/** Writes the same block until the reply is closed; gives how many bytes were taken. */
function endless(block: Buffer): { engine: InMemoryEngine; sent: () => number } {
  let sent = 0
  const engine = withLog((response) => {
    const more = () => {
      while (!response.destroyed) {
        sent += block.length
        if (!response.write(block)) return void response.once('drain', more)
      }
    }
    more()
  })
  return { engine, sent: () => sent }
}

async function collected<T>(output: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const each of output) all.push(each)
  return all
}

describe('logs', () => {
  it('asks for the last lines, by the id of the one container that the text means', async () => {
    const engine = withLog((response) => response.end())
    const connected = await engine.connect()
    await connected.logs('web', { lines: 100 }, 1000, engine.signal)
    await connected.logs('web', { lines: 5, since: 1_700_000_000 }, 1000, engine.signal)
    const path = '/v1.41/containers/abc/logs?stdout=true&stderr=true'
    expect(engine.asked.filter((url) => url.includes('logs'))).toEqual([
      `${path}&tail=100&follow=false`,
      `${path}&tail=5&follow=false&since=1700000000`,
    ])
  })

  it('takes the frames off, and takes a terminal as it is', async () => {
    const bytes = Buffer.concat([frame('out', Buffer.from('one\n')), frame('err', Buffer.from('two\n'))])
    const framed = withLog((response) => response.end(bytes))
    const connected = await framed.connect()
    const { bytes: text, cut } = await connected.logs('web', { lines: 9 }, 1000, framed.signal)
    expect([text.toString(), cut]).toEqual(['one\ntwo\n', false])
    const terminal = withLog((response) => response.end(bytes), true)
    expect((await (await terminal.connect()).logs('web', { lines: 9 }, 1000, terminal.signal)).bytes).toEqual(bytes)
  })

  it('keeps the end of more than it may', async () => {
    const engine = withLog((response) => response.end(frame('out', Buffer.from('0123456789'))))
    const last = await (await engine.connect()).logs('web', { lines: 9 }, 4, engine.signal)
    expect([last.bytes.toString(), last.cut]).toEqual(['6789', true])
  })

  it('stops reading a log without end', async () => {
    const { engine, sent } = endless(frame('out', Buffer.alloc(16_384, 'x')))
    const last = await (await engine.connect()).logs('web', { lines: 1000 }, 262_144, engine.signal)
    expect([last.bytes.length, last.cut]).toEqual([262_144, true])
    await settle()
    expect(sent()).toBeLessThan(20_000_000)
    expect(engine.open).toBeLessThanOrEqual(1)
  })

  it('refuses what has no frames where there must be some', async () => {
    const { engine } = endless(Buffer.alloc(16_384, 'GET /'))
    const error = await (await engine.connect()).logs('web', { lines: 9 }, 10, engine.signal).catch((e: unknown) => e)
    expect(diagnosisOf(error).kind).toBe('stream-malformed')
  })

  it('gives up a log that never comes', async () => {
    const engine = withLog(() => undefined)
    const connected = await engine.connect()
    const outcome = rejection(connected.logs('web', { lines: 9 }, 10, engine.signal))
    await settle()
    await engine.clock.advance(10_000)
    expect(outcome.error).toBeInstanceOf(DeadlineError)
    await settle()
    expect(engine.open).toBeLessThanOrEqual(1)
  })

  it.each(['{}', '{"Id":"../x"}', '{"Id":7}'])('asks for no log of %s', async (document) => {
    const engine = InMemoryEngine.docker((_request, response) => response.end(document))
    const connected = await engine.connect()
    await expect(connected.logs('web', { lines: 9 }, 10, engine.signal)).rejects.toThrow()
    expect(engine.asked).toEqual(['/version', '/v1.41/containers/web/json'])
  })
})

describe('followLogs', () => {
  it('passes on what the engine says instead of a log', async () => {
    const engine = withLog((response) => response.writeHead(500).end('{"message":"log driver none"}'))
    const conversation = await (await engine.connect()).followLogs('web', { lines: 9 }, engine.signal)
    const error = await collected(conversation.output).catch((thrown: unknown) => thrown)
    expect(String(error)).toContain('HTTP 500: log driver none')
  })

  it('waits without a deadline for the first line', async () => {
    const engine = withLog((response) => {
      engine.clock.after(3_600_000, () => response.end(frame('out', Buffer.from('late'))))
    })
    const conversation = await (await engine.connect()).followLogs('web', { lines: 9 }, engine.signal)
    const all = collected(conversation.output)
    await engine.clock.advance(3_600_000)
    expect(await all).toEqual([{ from: 'out', data: Buffer.from('late') }])
  })

  it('ends with the signal, whose reason it tells', async () => {
    const engine = withLog((response) => response.flushHeaders())
    const stop = new AbortController()
    const conversation = await (await engine.connect()).followLogs('web', { lines: 9 }, stop.signal)
    const outcome = rejection(collected(conversation.output))
    await settle()
    stop.abort(new Error('enough'))
    await settle()
    expect([outcome.error, engine.open]).toEqual([new Error('enough'), 1])
  })
})

describe('LastBytesBuffer', () => {
  it.each([
    [['abc'], 'abc'],
    [['abcd'], 'abcd'],
    [['ab', 'cd', 'ef'], 'cdef'],
    [['abcdefghij'], 'ghij'],
    [['abc', 'defghijk'], 'hijk'],
    [['a', 'bcde', '', 'fg'], 'defg'],
    [[], ''],
  ])('keeps the last 4 bytes of %j', (parts, kept) => {
    const last = new LastBytesBuffer(4)
    for (const part of parts) last.push(Buffer.from(part))
    expect([last.bytes().toString(), last.total]).toEqual([kept, parts.join('').length])
  })
})
