import { chmodSync, chownSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FRAME } from '../../src/control/frame.ts'
import { ControlServer } from '../../src/control/server.ts'
import type { ControlHandler } from '../../src/control/serve-request.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import { Late } from '../fakes/late.ts'
import { FakeStream, Place, RawClient } from './fixtures.ts'

let place: Place
let clock: FakeClock
let server: ControlServer | undefined
beforeEach(() => {
  place = new Place()
  clock = new FakeClock()
})
afterEach(async () => {
  await server?.stop()
  server = undefined
  await place.end()
})

/** A server whose time is in the test's hands. */
async function serve(handle: ControlHandler): Promise<void> {
  server = new ControlServer({ clock, log: place.recording.log, handle, version: '1.2.3' })
  await server.start(place.socket)
}

const REQUEST = { protocol: 1, operation: 'pause', args: { vmuuid: 'u', n: 7 } }

async function asking(request: unknown = REQUEST): Promise<RawClient> {
  const client = new RawClient(place.socket)
  expect(await client.next()).toEqual([FRAME.hello, '{"protocol":1,"version":"1.2.3"}'])
  client.send(FRAME.request, request)
  return client
}

const kindOf = (text: string | undefined) =>
  (JSON.parse(text ?? '') as { error?: { diagnosis: { kind: string } } }).error?.diagnosis.kind

describe('the socket', () => {
  const nothing: ControlHandler = async () => ''

  test('is for root only, in a directory for root only', async () => {
    await serve(nothing)
    expect(statSync(place.socket).mode & 0o777).toBe(0o600)
    expect(statSync(dirname(place.socket)).mode & 0o777).toBe(0o700)
  })

  test.each([
    ['that others may write to', () => chmodSync(place.socket, 0o666), /may be written by others/],
    ['that was given to another user', () => chownSync(place.socket, 1234, 0), /belongs to the user with number 1234/],
  ])('%s serves nobody', async (_, loosen, why) => {
    await serve(nothing)
    const before = await asking()
    expect((await before.next())?.[0]).toBe(FRAME.reply)
    loosen()
    expect(await new RawClient(place.socket).next()).toBeUndefined()
    expect(place.recording.text).toMatch(why)
    chownSync(place.socket, 0, 0)
    chmodSync(place.socket, 0o600)
    expect((await (await asking()).next())?.[0]).toBe(FRAME.reply)
  })

  test('a directory that is there keeps its mode', async () => {
    mkdirSync(dirname(place.socket), { mode: 0o755 })
    await serve(nothing)
    expect(statSync(dirname(place.socket)).mode & 0o777).toBe(0o755)
  })

  test('that nobody listens at any more is replaced', async () => {
    mkdirSync(dirname(place.socket))
    // A process that is killed leaves it behind.
    const { spawnSync } = await import('node:child_process')
    const script = `require('net').createServer().listen(${JSON.stringify(place.socket)}, () => process.kill(process.pid, 'SIGKILL'))`
    spawnSync(process.execPath, ['-e', script])
    expect(existsSync(place.socket)).toBe(true)
    await serve(nothing)
    expect((await (await asking()).next())?.[0]).toBe(FRAME.reply)
  })

  test('that somebody listens at is left alone, and the log says so', async () => {
    await place.serve(async () => 'first')
    await serve(async () => 'second')
    expect((await (await asking()).next())?.[1]).toContain('first')
    expect(place.recording.at('error')).toEqual(['no control socket: commands and the plugin do without the monitor'])
    await server!.stop()
    expect(existsSync(place.socket)).toBe(true)
  })

  test.each(['a file', 'no directory'])('that cannot be made is done without: %s', async (why) => {
    if (why === 'a file') {
      mkdirSync(dirname(place.socket))
      writeFileSync(place.socket, 'precious')
    } else writeFileSync(dirname(place.socket), '')
    await serve(nothing)
    expect(place.recording.at('error')).toHaveLength(1)
    await server!.stop()
    if (why === 'a file') expect(existsSync(place.socket)).toBe(true)
  })

  test('goes with the server', async () => {
    await serve(nothing)
    await server!.stop()
    expect(existsSync(place.socket)).toBe(false)
  })
})

describe('a client', () => {
  test('is answered; args that are no texts are left out', async () => {
    await serve(async (operation, args) => JSON.stringify({ operation, args }))
    const client = await asking()
    const [type, text] = (await client.next())!
    expect(type).toBe(FRAME.reply)
    expect(JSON.parse(text)).toEqual({ ok: true, payload: '{"operation":"pause","args":{"vmuuid":"u"}}' })
    expect(await client.next()).toBeUndefined()
  })

  test('that says nothing is dropped after 10 s', async () => {
    await serve(async () => '')
    const client = new RawClient(place.socket)
    await client.next()
    const closed = once(client.socket, 'close')
    client.socket.resume()
    await clock.advance(9_999)
    expect(client.socket.destroyed).toBe(false)
    await clock.advance(1)
    await closed
    expect(clock.pending).toBe(0)
  })

  test('hears a sign of life every 5 s, and is answered after 15 min at the latest', async () => {
    const begun = new Late<AbortSignal>()
    await serve((_, __, signal) => {
      begun.resolve(signal)
      return new Promise(() => undefined)
    })
    const client = await asking()
    const signal = await begun.promise
    await clock.advance(5000)
    expect((await client.next())?.[0]).toBe(FRAME.beat)
    await clock.advance(15 * 60_000)
    let last = await client.next()
    while (last?.[0] === FRAME.beat) last = await client.next()
    expect(kindOf(last?.[1])).toBe('operation-timeout')
    expect(signal.aborted).toBe(true)
  })

  test('that goes away ends its own operation, and no other', async () => {
    const signals: AbortSignal[] = []
    await serve((_, __, signal) => {
      signals.push(signal)
      return new Promise(() => undefined)
    })
    const [first, second] = [await asking(), await asking()]
    while (signals.length < 2) await settle()
    first.socket.destroy()
    while (!signals.some(({ aborted }) => aborted)) await settle()
    await settle()
    expect(signals.filter(({ aborted }) => aborted)).toHaveLength(1)
    second.socket.destroy()
    while (!signals.every(({ aborted }) => aborted)) await settle()
    while (clock.pending > 0) await settle()
  })

  test('that goes on talking is refused', async () => {
    await serve(() => new Promise(() => undefined))
    const client = await asking()
    client.send(FRAME.request, REQUEST)
    expect(kindOf((await client.next())?.[1])).toBe('control-protocol')
  })

  test('that sends more input than may be under way, or no size, is refused', async () => {
    for (const wrong of ['input', 'size'] as const) {
      const stream = new FakeStream(
        (async function* () {
          await new Promise(() => undefined)
          yield { from: 'out', data: Buffer.alloc(0) } as const
        })(),
      )
      stream.taking = new Promise(() => undefined)
      await serve(async () => stream)
      const client = await asking()
      expect((await client.next())?.[0]).toBe(FRAME.opened)
      if (wrong === 'input') for (let i = 0; i < 9; i++) client.send(FRAME.input, Buffer.from('x'))
      else client.send(FRAME.resize, { columns: -1, rows: 2.5 })
      expect(kindOf((await client.next())?.[1])).toBe('control-protocol')
      expect(stream.closed).toBe(true)
      await server!.stop()
    }
  })

  test('that goes away before its conversation is open does not leave it open', async () => {
    const stream = new FakeStream((async function* () {})())
    const opening = new Late<FakeStream>()
    const begun = new Late<AbortSignal>()
    await serve((_, __, signal) => {
      begun.resolve(signal)
      return opening.promise
    })
    const client = await asking()
    const signal = await begun.promise
    client.socket.destroy()
    while (!signal.aborted) await settle()
    opening.resolve(stream)
    await settle()
    expect(stream.closed).toBe(true)
  })

  test('that connects to a server that stops is let go', async () => {
    await serve(async () => '')
    const socket = connect(place.socket)
    socket.on('error', () => undefined).resume()
    await once(socket, 'data')
    const closed = once(socket, 'close')
    await server!.stop()
    await closed
  })
})
