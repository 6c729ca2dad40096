import { beforeEach, describe, expect, test } from 'vitest'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import { stateOf } from '../fakes/late.ts'
import { RecordingLog } from '../fakes/recording-log.ts'
import { XapiSession } from '../../src/xapi/session.ts'
import { ScriptedXapi, success, type Script } from './scripted-xapi.ts'
import type { Socket } from 'node:net'

const CALL_MS = 20_000
const BURST = ['remove', 'add', 'stamp'].map((method) => ({ method, params: [] }))
const { signal } = new AbortController()

let clock: FakeClock

beforeEach(() => {
  clock = new FakeClock()
})

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await settle()
}

async function talkTo(script: Script) {
  const xapi = await ScriptedXapi.start(script)
  const session = new XapiSession({ socketPath: xapi.path, clock, log: new RecordingLog().log, callMs: CALL_MS })
  return { xapi, session }
}

const answerTo = (method: string) =>
  success(method === 'session.login_with_password' ? 'OpaqueRef:5ec2e700-0000-0000-0000-000000000001' : `did ${method}`)

/** What each call of a burst came to. */
function outcomes(results: readonly PromiseSettledResult<unknown>[]): unknown[] {
  return results.map((result) => (result.status === 'fulfilled' ? result.value : (result.reason as Error).message))
}

/** A XAPI that takes one request per connection and reads nothing of what else it is sent there. */
function oneRequestEach(end: (socket: Socket, answer: string) => void): { script: Script; served: string[] } {
  const used = new Set<number>()
  const served: string[] = []
  const script: Script = ({ connection, method }, socket) => {
    if (used.has(connection)) return undefined
    used.add(connection)
    served.push(method)
    end(socket, answerTo(method))
    return undefined
  }
  return { script, served }
}

describe('a XAPI that closes each connection after one answer', () => {
  const ways: readonly [string, (socket: Socket, answer: string) => void][] = [
    ['and says so', (socket, answer) => socket.end(answer.replace('\r\n', '\r\nConnection: close\r\n'))],
    [
      'and says so well before it does',
      (socket, answer) => {
        socket.write(answer.replace('\r\n', '\r\nConnection: close\r\n'))
        setTimeout(() => socket.destroy(), 100)
      },
    ],
    ['as HTTP 1.0 does', (socket, answer) => socket.end(answer.replace('HTTP/1.1', 'HTTP/1.0'))],
    [
      'as HTTP 1.0 does, without a length',
      (socket, answer) => socket.end(answer.replace('HTTP/1.1', 'HTTP/1.0').replace(/content-length: \d+\r\n/, '')),
    ],
    ['without a word about it', (socket, answer) => socket.end(answer)],
  ]

  test.each(ways)('%s: one call after the other is answered', async (_, end) => {
    const { script, served } = oneRequestEach(end)
    const { session } = await talkTo(script)
    for (const method of ['a', 'b', 'c']) expect(await session.call(method, [], signal)).toBe(`did ${method}`)
    expect(served).toEqual(['session.login_with_password', 'a', 'b', 'c'])
    await session.logout(signal)
  })

  test.each(ways)('%s: a burst is done whole, in its order, nothing twice', async (_, end) => {
    const { script, served } = oneRequestEach(end)
    const { session } = await talkTo(script)
    for (let round = 0; round < 3; round++) {
      served.length = 0
      expect(outcomes(await session.burst(BURST, signal))).toEqual(['did remove', 'did add', 'did stamp'])
      expect(served.filter((method) => !method.startsWith('session.'))).toEqual(['remove', 'add', 'stamp'])
    }
    await session.logout(signal)
  })

  test('what makes something new is sent on a connection of its own: it cannot be repeated', async () => {
    const { script } = oneRequestEach((socket, answer) => socket.end(answer))
    const { session, xapi } = await talkTo(script)
    await session.call('message.get', [], signal)
    expect(await session.call('message.create', [], signal)).toBe('did message.create')
    expect(xapi.methods.filter((method) => method === 'message.create')).toHaveLength(1)
    await session.logout(signal)
  })
})

test('a XAPI that reads one request at a time and drops the rest of a burst is not sent bursts again', async () => {
  let busy = false
  const { xapi, session } = await talkTo(async ({ method }) => {
    if (busy) return undefined
    busy = true
    await settle()
    busy = false
    return answerTo(method)
  })
  await session.call('warm', [], signal)
  const first = session.burst(BURST, signal)
  const ended = stateOf(first)
  await until(() => xapi.methods.includes('stamp'))
  await settle()
  await clock.advance(CALL_MS)
  await until(() => ended.state !== 'pending')
  expect(outcomes(await first)[0]).toBe('did remove')
  expect(outcomes(await session.burst(BURST, signal))).toEqual(['did remove', 'did add', 'did stamp'])
  await session.logout(signal)
})

test('a connection that breaks before its first answer is not tried again: what was asked may have been done', async () => {
  const { xapi, session } = await talkTo(({ method }, socket) => {
    if (method.startsWith('session.')) return answerTo(method).replace('\r\n', '\r\nConnection: close\r\n')
    socket.destroy()
    return undefined
  })
  await expect(session.call('add', [], signal)).rejects.toThrow('did not answer add')
  expect(xapi.methods.filter((method) => method === 'add')).toHaveLength(1)
  await session.logout(signal)
})
