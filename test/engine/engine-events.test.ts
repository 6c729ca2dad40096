import type { ServerResponse } from 'node:http'
import { describe, expect, it } from 'vitest'
import { diagnosisOf, RefusedError, TransientError } from '../../src/base/errors.ts'
import { TOLD_ACTIONS, type EngineEvent } from '../../src/engine/event-stream.ts'
import { settle } from '../fakes/fake-clock.ts'
import { InMemoryEngine, KEPT, rejection } from './in-memory-engine.ts'

const START = '{"Type":"container","Action":"start","Actor":{"ID":"abc"}}\n'

/** A subscription to an engine whose event stream the test writes itself; headers go out only when it writes. */
async function subscribe() {
  const responses: ServerResponse[] = []
  const engine = InMemoryEngine.docker((_request, response) => responses.push(response))
  const connected = await engine.connect()
  const events: EngineEvent[] = []
  let subscribed = 0
  const running = connected.events(
    (event) => events.push(event),
    () => (subscribed += 1),
    engine.signal,
  )
  const outcome = rejection(running)
  await settle()
  const [response] = responses
  if (response === undefined) throw new Error('no request came')
  return { engine, response, events, outcome, subscribed: () => subscribed }
}

describe('events', () => {
  it('are subscribed to when headers come: the request alone may be older than the list that is asked for next', async () => {
    const { engine, response, outcome, subscribed } = await subscribe()
    expect(subscribed()).toBe(0)
    response.flushHeaders()
    await settle()
    expect([subscribed(), engine.clock.pending, outcome.error]).toEqual([1, 0, undefined])
  })

  it('of an engine that keeps its headers back are taken for subscribed to after a second, once, and told as they come', async () => {
    const { engine, response, events, outcome, subscribed } = await subscribe()
    await engine.clock.advance(1000)
    expect([subscribed(), events.length]).toEqual([1, 0])
    const { pathname, searchParams } = new URL(engine.asked[1] ?? '', 'http://engine')
    expect(pathname).toBe('/v1.41/events')
    expect(JSON.parse(searchParams.get('filters') ?? '')).toEqual({ event: TOLD_ACTIONS })
    response.write(START.slice(0, 20))
    await settle()
    expect(events).toEqual([])
    response.write(`${START.slice(20)}${START}`)
    await settle()
    expect(events).toEqual([
      { type: 'container', action: 'start', id: 'abc' },
      { type: 'container', action: 'start', id: 'abc' },
    ])
    expect([outcome.error, subscribed()]).toEqual([undefined, 1])
  })

  it.each([false, true])('end with the signal, after headers: %s', async (headers) => {
    const { engine, response, outcome } = await subscribe()
    if (headers) response.write(START)
    await settle()
    const reason = new Error('enough')
    engine.stop.abort(reason)
    await settle()
    expect(outcome.error).toBe(reason)
    expect([engine.open, engine.clock.pending]).toEqual([KEPT, 0])
  })

  it('have no deadline and no limit on their number', async () => {
    const { engine, response, events, outcome } = await subscribe()
    for (let hour = 0; hour < 48; hour++) {
      response.write(START.repeat(500))
      await engine.clock.advance(3_600_000)
    }
    expect([outcome.error, events.length]).toEqual([undefined, 24_000])
  })

  it('reject when the stream ends', async () => {
    const { engine, response, outcome } = await subscribe()
    response.end(START)
    await settle()
    expect(outcome.error).toBeInstanceOf(TransientError)
    expect(diagnosisOf(outcome.error).kind).toBe('events-ended')
    expect(engine.open).toBe(KEPT)
  })

  it('reject when the stream breaks', async () => {
    const { engine, response, outcome } = await subscribe()
    response.write(START)
    await settle()
    response.destroy()
    await settle()
    expect(diagnosisOf(outcome.error).kind).toBe('engine-connection-lost')
    expect(engine.open).toBe(KEPT)
  })

  it.each([
    ['a line without end', 'x'.repeat(10_001), 'more than 10000 bytes'],
    ['a web page', '<html>\n', 'not JSON'],
  ])('reject at %s', async (_name, text, why) => {
    const { engine, response, outcome } = await subscribe()
    response.write(text)
    await settle()
    expect(outcome.error).toBeInstanceOf(RefusedError)
    expect(String(outcome.error)).toContain(why)
    expect(engine.open).toBe(KEPT)
  })

  it('reject with the engine\u2019s message when it refuses', async () => {
    const { engine, response, outcome } = await subscribe()
    response.writeHead(500).end('{"message":"no events today"}')
    await settle()
    expect(String(outcome.error)).toContain('GET /events with HTTP 500: no events today')
    expect(engine.open).toBe(KEPT)
  })

  it('are held back when the engine sends without pause', async () => {
    const { engine, response, events } = await subscribe()
    let sent = 0
    const flood = () => {
      while (sent < 10_000_000) {
        sent += START.length
        if (!response.write(START)) return void response.once('drain', flood)
      }
    }
    flood()
    await settle()
    const burst = events.length * START.length
    for (let second = 0; second < 10; second++) await engine.clock.advance(1000)
    const tenSeconds = events.length * START.length - burst
    expect(burst).toBeLessThan(1_200_000)
    expect(tenSeconds).toBeGreaterThan(1_000_000)
    expect(tenSeconds).toBeLessThan(2_400_000)
  })

  it('end with an error of the one who is told, unchanged', async () => {
    const engine = InMemoryEngine.docker((_request, response) => response.write(START))
    const connected = await engine.connect()
    const defect = new RangeError('defect in the listener')
    const running = connected.events(
      () => {
        throw defect
      },
      () => undefined,
      engine.signal,
    )
    await expect(running).rejects.toBe(defect)
    await settle()
    expect(engine.open).toBe(KEPT)
  })
})
