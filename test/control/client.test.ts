import { chownSync } from 'node:fs'
import type { Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { RefusedError, StoppedError, TransientError } from '../../src/base/errors.ts'
import { callControl, openControl } from '../../src/control/client.ts'
import { ControlUnavailable } from '../../src/control/connect.ts'
import { encodeFrame, FRAME } from '../../src/control/frame.ts'
import type { ControlHandler } from '../../src/control/serve-request.ts'
import type { StreamChunk } from '../../src/operations/operation.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import { Late } from '../fakes/late.ts'
import { FakeStream, NEVER, Place } from './fixtures.ts'

let place: Place
beforeEach(() => {
  place = new Place()
})
afterEach(() => place.end())

function call(operation: string, args = {}, signal = NEVER): Promise<string> {
  return callControl({ clock: systemClock }, place.socket, operation, args, signal)
}

function open(operation: string) {
  return openControl({ clock: systemClock }, place.socket, operation, {}, NEVER)
}

const echo: ControlHandler = async (operation, args) => JSON.stringify([operation, args])

describe('a call', () => {
  test('gives what the daemon answers, args as they were', async () => {
    await place.serve(echo)
    expect(await call('pause', { vmuuid: 'u', object: 'ä\n"' })).toBe('["pause",{"vmuuid":"u","object":"ä\\n\\""}]')
  })

  test('gives answers of many frames whole', async () => {
    const long = 'ä€x'.repeat(1_000_000)
    await place.serve(async () => long)
    expect((await call('logs')) === long).toBe(true)
  })

  test('an answer that is too large is an error that says so', async () => {
    await place.serve(async () => 'x'.repeat(16 * 1024 * 1024 + 1))
    await expect(call('logs')).rejects.toMatchObject({ diagnosis: { kind: 'answer-too-large' } })
  })

  test.each([
    [
      'refused',
      new RefusedError({ kind: 'no-such-container', cause: 'No such container', cure: 'Look' }),
      RefusedError,
    ],
    ['transient', new TransientError({ kind: 'engine-timeout', cause: 'Hangs', cure: 'Wait' }), TransientError],
  ])('gives an error that the daemon %s as it was there', async (_, error, type) => {
    await place.serve(() => Promise.reject(error))
    const got = await call('pause').catch((caught: unknown) => caught)
    expect(got).toBeInstanceOf(type)
    expect(got).toMatchObject({ name: error.name, message: error.message, diagnosis: error.diagnosis })
  })

  test('a defect is answered, and logged as one', async () => {
    await place.serve(() => Promise.reject(new TypeError('x is not a function')))
    await expect(call('pause')).rejects.toMatchObject({ name: 'TypeError', diagnosis: { kind: 'defect' } })
    expect(place.recording.at('error')).toEqual(['defect: an operation failed'])
  })

  test('too large a request is not even sent', async () => {
    await place.serve(echo)
    await expect(call('pause', { vmuuid: 'x'.repeat(300_000) })).rejects.toMatchObject({
      diagnosis: { kind: 'request-too-large' },
    })
  })

  test('is over when its signal aborts, and the daemon drops that operation', async () => {
    const begun = new Late<void>()
    const dropped = new Late<unknown>()
    await place.serve((_, __, signal) => {
      begun.resolve()
      signal.addEventListener('abort', () => dropped.resolve(signal.reason))
      return new Promise(() => undefined)
    })
    const stop = new AbortController()
    const calling = call('pause', {}, stop.signal)
    await begun.promise
    stop.abort(new StoppedError('enough'))
    await expect(calling).rejects.toThrow('enough')
    expect(await dropped.promise).toBeInstanceOf(StoppedError)
  })
})

describe('no daemon', () => {
  test('no socket', async () => {
    await expect(call('pause')).rejects.toMatchObject({ name: 'ControlUnavailable', diagnosis: { kind: 'no-daemon' } })
  })

  test('a socket of another user: nothing is told to whoever listens there', async () => {
    const path = `${place.dir}/foreign.sock`
    const heard: unknown[] = []
    await place.listen(path, (socket) => heard.push(socket))
    chownSync(path, 1234, 1234)
    await expect(callControl({ clock: systemClock }, path, 'prepare_vm', {}, NEVER)).rejects.toMatchObject({
      name: 'RefusedError',
      diagnosis: { kind: 'control-foreign', cause: expect.stringContaining('user with number 1234') as unknown },
    })
    expect(heard).toEqual([])
  })

  test('one that accepts and closes', async () => {
    await place.serve(echo)
    const path = `${place.dir}/other.sock`
    await place.listen(path, (socket) => socket.destroy())
    await expect(callControl({ clock: systemClock }, path, 'pause', {}, NEVER)).rejects.toBeInstanceOf(
      ControlUnavailable,
    )
  })

  test('one that hangs is given up after 2 s, before it was told what to do', async () => {
    const clock = new FakeClock()
    const path = `${place.dir}/hung.sock`
    const heard: Buffer[] = []
    const accepted = new Late<void>()
    await place.listen(path, (socket) => {
      socket.on('data', (chunk) => heard.push(chunk))
      accepted.resolve()
    })
    const calling = callControl({ clock }, path, 'restart', {}, NEVER)
    const outcome = calling.catch((error: unknown) => error)
    await accepted.promise
    await settle()
    await clock.advance(1999)
    expect(heard).toEqual([])
    await clock.advance(2)
    expect(await outcome).toBeInstanceOf(ControlUnavailable)
    expect(await outcome).toMatchObject({ diagnosis: { kind: 'daemon-hangs' } })
    expect(heard).toEqual([])
    expect(clock.pending).toBe(0)
  })

  test('one of another version counts as none', async () => {
    const path = `${place.dir}/new.sock`
    await place.listen(path, (socket) => socket.write(encodeFrame(FRAME.hello, '{"protocol":2}')))
    const calling = callControl({ clock: systemClock }, path, 'pause', {}, NEVER)
    await expect(calling).rejects.toBeInstanceOf(ControlUnavailable)
    await expect(calling).rejects.toMatchObject({ diagnosis: { kind: 'daemon-version' } })
  })
})

describe('a daemon that goes away', () => {
  /** Greets, takes the request, then does this. */
  async function greeting(then: (socket: Socket) => void): Promise<string> {
    const path = `${place.dir}/dying.sock`
    await place.listen(path, (socket) => {
      socket.write(encodeFrame(FRAME.hello, '{"protocol":1}'))
      socket.once('data', () => then(socket))
    })
    return path
  }

  test('in mid-call: nobody knows what was done', async () => {
    const path = await greeting((socket) => socket.destroy())
    const calling = callControl({ clock: systemClock }, path, 'restart', {}, NEVER)
    await expect(calling).rejects.toMatchObject({ name: 'TransientError', diagnosis: { kind: 'daemon-lost' } })
    await expect(calling).rejects.not.toBeInstanceOf(ControlUnavailable)
  })

  test('within its answer', async () => {
    const path = await greeting((socket) => socket.end(encodeFrame(FRAME.more, '{"ok":true,"payl')))
    await expect(callControl({ clock: systemClock }, path, 'restart', {}, NEVER)).rejects.toMatchObject({
      diagnosis: { kind: 'daemon-lost' },
    })
  })

  test('silently: after 20 s without a sign of life, but not while it gives signs', async () => {
    const clock = new FakeClock()
    const asked = new Late<Socket>()
    const path = await greeting((socket) => asked.resolve(socket))
    const outcome = callControl({ clock }, path, 'restart', {}, NEVER).catch((error: unknown) => error)
    const socket = await asked.promise
    await clock.advance(15_000)
    socket.write(encodeFrame(FRAME.beat))
    for (let turn = 0; turn < 5; turn++) await settle()
    await clock.advance(15_000)
    let over = false
    void outcome.then(() => (over = true))
    await settle()
    expect(over).toBe(false)
    await clock.advance(5001)
    expect(await outcome).toMatchObject({ diagnosis: { kind: 'daemon-lost' } })
  })

  test('that is being stopped says so', async () => {
    const begun = new Late<void>()
    const server = await place.serve(() => {
      begun.resolve()
      return new Promise(() => undefined)
    })
    const calling = call('pause').catch((error: unknown) => error)
    await begun.promise
    await server.stop()
    expect(await calling).toMatchObject({ name: 'TransientError', diagnosis: { kind: 'daemon-stopping' } })
  })
})

describe('a conversation', () => {
  async function* chunks(...all: readonly StreamChunk[]): AsyncGenerator<StreamChunk> {
    yield* all
  }

  test('carries output, input, size, end and exit code', async () => {
    const go = new Late<void>()
    const stream = new FakeStream(
      (async function* () {
        yield { from: 'out', data: Buffer.from('hello ') } as const
        yield { from: 'err', data: Buffer.from('oh ') } as const
        await go.promise
        yield { from: 'out', data: Buffer.from('bye') } as const
      })(),
    )
    stream.code = 3
    await place.serve(async () => stream)
    const conversation = await open('exec')
    const heard: string[] = []
    const reading = (async () => {
      for await (const { from, data } of conversation.output) heard.push(from + ':' + data.toString())
    })()
    await conversation.write(Buffer.from('one'))
    await conversation.write(Buffer.from('two'))
    await conversation.resize(80, 24)
    conversation.end()
    await until(() => stream.ended && stream.sizes.length === 1)
    expect(stream.written).toEqual(['one', 'two'])
    expect(stream.sizes).toEqual([[80, 24]])
    go.resolve()
    await reading
    expect(heard).toEqual(['out:hello ', 'err:oh ', 'out:bye'])
    expect(await conversation.exitCode(NEVER)).toBe(3)
    await until(() => stream.closed)
  })

  test('has no exit code where there is no command', async () => {
    const stream = new FakeStream(chunks({ from: 'out', data: Buffer.from('log') }))
    stream.code = undefined
    await place.serve(async () => stream)
    const conversation = await open('follow')
    for await (const { data } of conversation.output) expect(data.toString()).toBe('log')
    expect(await conversation.exitCode(NEVER)).toBeUndefined()
  })

  test('is read no faster than whoever asked reads it', async () => {
    let made = 0
    const stream = new FakeStream(
      (async function* () {
        for (;;) {
          made++
          yield { from: 'out', data: Buffer.alloc(64 * 1024) } as const
        }
      })(),
    )
    await place.serve(async () => stream)
    const conversation = await open('follow')
    const output = conversation.output[Symbol.asyncIterator]()
    await output.next()
    await new Promise((resolve) => setTimeout(resolve, 200))
    const before = made
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(made).toBe(before)
    expect(made).toBeLessThan(64)
    for (let i = 0; i < 100; i++) await output.next()
    expect(made).toBeGreaterThan(before)
    conversation.close()
    await until(() => stream.closed)
  })

  test('input is under way only so far as it is taken', async () => {
    const go = new Late<void>()
    const stream = new FakeStream(
      (async function* () {
        yield { from: 'out', data: Buffer.from('ready') } as const
        await go.promise
      })(),
    )
    const taking = new Late<void>()
    stream.taking = taking.promise
    await place.serve(async () => stream)
    const conversation = await open('exec')
    const reading = (async () => {
      for await (const { data } of conversation.output) void data
    })()
    let written = false
    const writing = conversation.write(Buffer.alloc(2 * 1024 * 1024, 'x')).then(() => (written = true))
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(written).toBe(false)
    taking.resolve()
    await writing
    expect(stream.written.join('').length).toBe(2 * 1024 * 1024)
    go.resolve()
    await reading
  })

  test('that breaks throws what the daemon says', async () => {
    const stream = new FakeStream(
      (async function* () {
        yield { from: 'out', data: Buffer.from('x') } as const
        throw new TransientError({ kind: 'link-lost', cause: 'The guest closed', cure: 'Look' })
      })(),
    )
    await place.serve(async () => stream)
    const conversation = await open('exec')
    const read = async () => {
      for await (const { data } of conversation.output) expect(data.toString()).toBe('x')
    }
    await expect(read()).rejects.toMatchObject({ diagnosis: { kind: 'link-lost' } })
    await expect(conversation.exitCode(NEVER)).rejects.toMatchObject({ diagnosis: { kind: 'link-lost' } })
    expect(stream.closed).toBe(true)
  })

  test('is closed in the daemon when whoever asked goes away', async () => {
    const stream = new FakeStream(
      (async function* () {
        yield { from: 'out', data: Buffer.from('x') } as const
        await new Promise(() => undefined)
      })(),
    )
    await place.serve(async () => stream)
    const conversation = await open('exec')
    for await (const { data } of conversation.output) {
      void data
      break
    }
    await until(() => stream.closed)
    await expect(conversation.write(Buffer.from('late'))).rejects.toBeInstanceOf(StoppedError)
  })

  test('cannot be had of what answers with a text', async () => {
    await place.serve(echo)
    await expect(open('pause')).rejects.toMatchObject({ diagnosis: { kind: 'control-protocol' } })
  })
})

async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !holds(); i++) await new Promise((resolve) => setTimeout(resolve, 10))
  expect(holds()).toBe(true)
}
