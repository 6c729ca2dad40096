import { beforeEach, describe, expect, test } from 'vitest'
import { DeadlineError, TransientError } from '../../src/base/errors.ts'
import { isFailure } from '../../src/xapi/errors.ts'
import { XapiSession } from '../../src/xapi/session.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import { stateOf } from '../fakes/late.ts'
import { RecordingLog } from '../fakes/recording-log.ts'
import { failure, http, jsonFailure, jsonSuccess, ScriptedXapi, success, type Asked } from './scripted-xapi.ts'

const CALL_MS = 20_000

/** A XAPI that knows sessions: `OpaqueRef:..-1`, `-2`, .. ; `forget` ends them all. */
class Sessions {
  made = 0
  readonly valid = new Set<string>()
  readonly loggedOut: string[] = []
  /** What methods answer, besides those of sessions. */
  answer: (asked: Asked) => string | undefined | Promise<string | undefined> = (asked) =>
    asked.json ? jsonSuccess(`did ${asked.method}`) : success(`did ${asked.method}`)
  onLogin: () => string | undefined | Promise<string | undefined> = () => this.logIn()

  logIn(): string {
    const ref = `OpaqueRef:5ec2e700-0000-0000-0000-00000000000${++this.made}`
    this.valid.add(ref)
    return success(ref)
  }

  forget(): void {
    this.valid.clear()
  }

  readonly script = async (asked: Asked): Promise<string | undefined> => {
    if (asked.method === 'session.login_with_password') return this.onLogin()
    const session = /OpaqueRef:5ec2e7[0-9a-f-]+/.exec(asked.body)?.[0] ?? ''
    if (!this.valid.has(session)) return (asked.json ? jsonFailure : failure)('SESSION_INVALID', session)
    if (asked.method === 'session.logout') this.loggedOut.push(session)
    return this.answer(asked)
  }
}

let clock: FakeClock
let recording: RecordingLog
let sessions: Sessions
let xapi: ScriptedXapi
let session: XapiSession
const { signal } = new AbortController()

beforeEach(async () => {
  clock = new FakeClock()
  recording = new RecordingLog()
  sessions = new Sessions()
  xapi = await ScriptedXapi.start(sessions.script)
  session = new XapiSession({ socketPath: xapi.path, clock, log: recording.log, callMs: CALL_MS })
})

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await settle()
}

/** What became of each, as a word or the error's message. */
async function outcomes(calls: readonly Promise<unknown>[]): Promise<unknown[]> {
  return (await Promise.allSettled(calls)).map((result) =>
    result.status === 'fulfilled' ? result.value : (result.reason as Error).message,
  )
}

describe('logging in', () => {
  test('happens once for any number of calls that come together', async () => {
    const calls = Array.from({ length: 20 }, (_, i) => session.call(`VM.m${i}`, [], signal))
    expect(await Promise.all(calls)).toEqual(calls.map((_, i) => `did VM.m${i}`))
    expect(xapi.methods.filter((method) => method === 'session.login_with_password')).toHaveLength(1)
  })

  test('always gives the same name and user agent, on at most six connections', async () => {
    await Promise.all(Array.from({ length: 30 }, () => session.call('VM.x', [], signal)))
    const login = xapi.asked.find(({ method }) => method === 'session.login_with_password')!
    expect(login.body.replace(/<[^>]*>/g, ' ').trim()).toMatch(/root +1\.0 +xscontainer$/)
    expect(new Set(xapi.asked.map(({ head }) => /^user-agent: (.*)\r$/im.exec(head)?.[1]))).toEqual(
      new Set(['xscontainer']),
    )
    expect(xapi.sockets.length).toBeLessThanOrEqual(6)
  })

  test('a failed one fails those who waited for it; the next call tries anew', async () => {
    sessions.onLogin = () => failure('HOST_STILL_BOOTING')
    expect(await outcomes([session.call('VM.a', [], signal), session.call('VM.b', [], signal)])).toEqual([
      expect.stringContaining('HOST_STILL_BOOTING'),
      expect.stringContaining('HOST_STILL_BOOTING'),
    ])
    sessions.onLogin = () => sessions.logIn()
    expect(await session.call('VM.c', [], signal)).toBe('did VM.c')
  })

  test('one that hangs holds nobody who does not want to wait any more', async () => {
    sessions.onLogin = () => undefined
    const stop = new AbortController()
    const states = [
      stateOf(session.call('VM.a', [], stop.signal)),
      stateOf(session.poll('event.from', [], 45_000, stop.signal)),
    ]
    const patient = session.call('VM.b', [], signal)
    patient.catch(() => undefined)
    await until(() => xapi.asked.length === 1)
    stop.abort(new Error('stopping'))
    await settle()
    expect(states.map(({ state }) => state)).toEqual(['rejected', 'rejected'])
    await clock.advance(CALL_MS)
    await expect(patient).rejects.toThrow(/did not answer session.login_with_password within 20 s/)
  })

  test('something else than a reference is refused', async () => {
    sessions.onLogin = () => success('<boolean>1</boolean>')
    await expect(session.call('VM.a', [], signal)).rejects.toThrow('XAPI sent a session that is not a reference')
  })
})

describe('a forgotten session', () => {
  test('is replaced once, and only the calls that failed for it are repeated', async () => {
    sessions.answer = (asked) => {
      if (asked.method === 'VM.first') sessions.forget()
      return success(`did ${asked.method}`)
    }
    const results = await session.burst(
      ['VM.first', 'VM.second', 'VM.third'].map((method) => ({ method, params: ['p'] })),
      signal,
    )
    expect(results).toEqual(
      ['VM.first', 'VM.second', 'VM.third'].map((method) => ({ status: 'fulfilled', value: `did ${method}` })),
    )
    expect(xapi.methods).toEqual([
      'session.login_with_password', 'VM.first', 'VM.second', 'VM.third',
      'session.login_with_password', 'VM.second', 'VM.third',
    ]) // prettier-ignore
  })

  test('is replaced once for all who find out at the same time', async () => {
    await session.call('VM.warm', [], signal)
    sessions.forget()
    const calls = Array.from({ length: 12 }, (_, i) => session.call(`VM.m${i}`, [], signal))
    expect(await Promise.all(calls)).toEqual(calls.map((_, i) => `did VM.m${i}`))
    expect(sessions.made).toBe(2)
  })

  test('that is forgotten again is not replaced a second time: the caller hears of it', async () => {
    sessions.answer = () => failure('SESSION_INVALID', 'OpaqueRef:5ec2e700')
    const error: unknown = await session.call('VM.a', [], signal).catch((thrown: unknown) => thrown)
    expect(isFailure(error, 'SESSION_INVALID')).toBe(true)
    expect(sessions.made).toBe(2)
  })

  test('ends a poll: whoever waits for events must start over; the next poll has a new session', async () => {
    await session.call('VM.warm', [], signal)
    sessions.forget()
    const error: unknown = await session.poll('event.from', [], 1000, signal).catch((thrown: unknown) => thrown)
    expect(isFailure(error, 'SESSION_INVALID')).toBe(true)
    expect(await session.poll('event.from', [], 1000, signal)).toBe('did event.from')
    expect(sessions.made).toBe(2)
  })

  test('other failures are not repeated', async () => {
    sessions.answer = () => failure('HANDLE_INVALID', 'VM', 'OpaqueRef:1')
    await expect(session.call('VM.a', [], signal)).rejects.toThrow('HANDLE_INVALID VM')
    expect(xapi.methods).toEqual(['session.login_with_password', 'VM.a'])
  })
})

describe('time', () => {
  test('a call that is not answered in time fails, and its connection is not used again', async () => {
    await session.call('VM.warm', [], signal)
    sessions.answer = (asked) => (asked.method === 'VM.slow' ? undefined : success('quick'))
    const slow = session.call('VM.slow', [], signal)
    slow.catch(() => undefined)
    await until(() => xapi.methods.includes('VM.slow'))
    await clock.advance(CALL_MS - 1)
    expect(stateOf(slow).state).toBe('pending')
    await clock.advance(1)
    await expect(slow).rejects.toThrow(DeadlineError)
    await expect(slow).rejects.toThrow(`XAPI at ${xapi.path} did not answer VM.slow within 20 s`)
    expect(await session.call('VM.next', [], signal)).toBe('quick')
    expect(xapi.asked.at(-1)?.connection).not.toBe(xapi.asked.at(-2)?.connection)
  })

  test('a poll may take its own time and does not stand in the way of calls', async () => {
    await session.poll('event.from', [], 45_000, signal)
    sessions.answer = (asked) => (asked.json ? undefined : success('quick'))
    const poll = session.poll('event.from', [], 45_000, signal)
    const state = stateOf(poll)
    poll.catch(() => undefined)
    await until(() => xapi.methods.filter((method) => method === 'event.from').length === 2)
    expect(await Promise.all(Array.from({ length: 12 }, () => session.call('VM.x', [], signal)))).toHaveLength(12)
    await clock.advance(44_999)
    expect(state.state).toBe('pending')
    await clock.advance(1)
    await expect(poll).rejects.toThrow('event.from within 45 s')
  })

  test('an abort ends a call at once, and nobody else’s', async () => {
    await session.call('VM.warm', [], signal)
    sessions.answer = () => undefined
    const stop = new AbortController()
    const mine = session.call('VM.mine', [], stop.signal)
    const other = stateOf(session.call('VM.other', [], signal))
    await until(() => xapi.methods.includes('VM.other'))
    stop.abort(new Error('stopping'))
    await expect(mine).rejects.toThrow('stopping')
    await settle()
    expect(other.state).toBe('pending')
  })

  test('no timer is left when all is answered', async () => {
    await Promise.all([session.call('VM.a', [], signal), session.poll('event.from', [], 1000, signal)])
    await settle()
    expect(clock.pending).toBe(0)
  })
})

describe('a poll', () => {
  const polls = () =>
    xapi.asked.filter(({ method }) => method === 'event.from').map(({ json }) => (json ? 'json' : 'xml'))
  const poll = () => session.poll('event.from', ['vm'], 45_000, signal)

  test('is made by JSON-RPC, calls by XML-RPC', async () => {
    expect(await poll()).toBe('did event.from')
    expect(await session.call('VM.x', [], signal)).toBe('did VM.x')
    expect(polls()).toEqual(['json'])
  })

  test.each([
    ['HTTP 404', http('no such page', '404 Not Found')],
    ['HTTP 500', http('<html>500</html>', '500 Internal Server Error')],
    ['XML', success('x')],
    ['JSON of another kind', http('[1]')],
    ['an empty object', http('{}')],
  ])('is made by XML-RPC for the rest of the session where JSON-RPC is answered with %s', async (_, answer) => {
    sessions.answer = (asked) => (asked.json ? answer : success('by xml'))
    expect(await poll()).toBe('by xml')
    expect(await poll()).toBe('by xml')
    expect(polls()).toEqual(['json', 'xml', 'xml'])
    sessions.answer = (asked) => (asked.json ? jsonSuccess('by json') : success('by xml'))
    sessions.forget()
    await poll().catch(() => undefined)
    expect(await poll()).toBe('by json')
  })

  test('that loses its connection fails, so that its caller starts over, and is made by JSON-RPC again', async () => {
    await session.call('VM.warm', [], signal)
    sessions.answer = () => {
      for (const socket of xapi.sockets) socket.destroy()
      return undefined
    }
    await expect(poll()).rejects.toThrow(TransientError)
    sessions.answer = () => jsonSuccess('by json')
    expect(await poll()).toBe('by json')
    expect(polls()).toEqual(['json', 'json'])
  })

  test('is made by XML-RPC where JSON-RPC is answered with a failure that XML-RPC does not know of', async () => {
    sessions.answer = (asked) => (asked.json ? jsonFailure('Method not found') : success('by xml'))
    expect(await poll()).toBe('by xml')
    expect(await poll()).toBe('by xml')
    expect(polls()).toEqual(['json', 'xml', 'xml'])
  })

  test('is made by XML-RPC where JSON-RPC breaks the connection again and again', async () => {
    sessions.answer = (asked) => {
      if (!asked.json) return success('by xml')
      xapi.sockets[asked.connection]!.destroy()
      return undefined
    }
    await expect(poll()).rejects.toThrow(TransientError)
    await expect(poll()).rejects.toThrow(TransientError)
    expect(await poll()).toBe('by xml')
    expect(polls()).toEqual(['json', 'json', 'xml'])
  })

  test('is made by XML-RPC where JSON-RPC is not answered at all, which takes a fraction of a poll to find out', async () => {
    sessions.answer = (asked) => (asked.json ? undefined : success('by xml'))
    const first = poll()
    const seen = stateOf(first)
    await until(() => polls().length === 1)
    await clock.advance(10_000)
    expect(seen.state).toBe('rejected')
    expect(await poll()).toBe('by xml')
  })

  test('has all its time once JSON-RPC has worked, and a broken connection is no reason then', async () => {
    expect(await poll()).toBe('did event.from')
    sessions.answer = () => undefined
    const quiet = poll()
    const seen = stateOf(quiet)
    await until(() => polls().length === 2)
    await clock.advance(40_000)
    expect(seen.state).toBe('pending')
    for (const socket of xapi.sockets) socket.destroy()
    await expect(quiet).rejects.toThrow(TransientError)
    sessions.answer = (asked) => {
      xapi.sockets[asked.connection]!.destroy()
      return undefined
    }
    await expect(poll()).rejects.toThrow(TransientError)
    await expect(poll()).rejects.toThrow(TransientError)
    sessions.answer = () => jsonSuccess('by json')
    expect(await poll()).toBe('by json')
  })

  test('that is cut in the middle of its answer fails', async () => {
    await session.call('VM.warm', [], signal)
    sessions.answer = () => {
      xapi.sockets.at(-1)!.end(jsonSuccess('x'.repeat(1000)).slice(0, 500))
      return undefined
    }
    await expect(poll()).rejects.toThrow(TransientError)
    expect(polls()).toEqual(['json'])
  })

  test('takes XML-RPC’s Status struct as a result', async () => {
    sessions.answer = () => jsonSuccess({ Status: 'Success', Value: { token: 't', events: [] } })
    expect(await poll()).toEqual({ token: 't', events: [] })
    sessions.answer = () => jsonSuccess({ Status: 'Failure', ErrorDescription: ['EVENTS_LOST', 'x'] })
    const thrown: unknown = await poll().catch((reason: unknown) => reason)
    expect(isFailure(thrown, 'EVENTS_LOST')).toBe(true)
    expect(polls()).toEqual(['json', 'json'])
  })

  test('tells XAPI’s failures by their code, in both versions’ forms', async () => {
    for (const error of [{ code: 1, message: 'EVENTS_LOST', data: ['x'] }, ['EVENTS_LOST', 'x']]) {
      sessions.answer = (asked) => (asked.json ? http(JSON.stringify({ id: 1, error })) : failure('EVENTS_LOST', 'x'))
      const thrown: unknown = await poll().catch((reason: unknown) => reason)
      expect(isFailure(thrown, 'EVENTS_LOST')).toBe(true)
      expect(thrown).toMatchObject({ params: ['x'] })
    }
  })
})

describe('XAPI away', () => {
  test('the error names the socket and says that it is tried again', async () => {
    const nowhere = new XapiSession({ socketPath: '/nonexistent/xapi', clock, log: recording.log, callMs: CALL_MS })
    const error: unknown = await nowhere.call('VM.a', [], signal).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(TransientError)
    expect((error as Error).message).toContain('/nonexistent/xapi')
  })

  test('a connection that XAPI closed while it was idle is replaced', async () => {
    await session.call('VM.a', [], signal)
    for (const socket of xapi.sockets) socket.end()
    await until(() => xapi.sockets.every(({ destroyed }) => destroyed))
    await settle()
    expect(await session.call('VM.b', [], signal)).toBe('did VM.b')
  })
})

describe('logging out', () => {
  test('ends the session and the connections', async () => {
    await session.call('VM.a', [], signal)
    await session.logout(signal)
    expect(sessions.loggedOut).toEqual([...sessions.valid])
    await until(() => xapi.sockets.every(({ destroyed }) => destroyed))
  })

  test('never rejects, not even when XAPI is gone, and makes no session of its own', async () => {
    await session.logout(signal)
    expect(xapi.asked).toEqual([])
    const nowhere = new XapiSession({ socketPath: '/nonexistent/xapi', clock, log: recording.log, callMs: CALL_MS })
    await nowhere.call('VM.a', [], signal).catch(() => undefined)
    await nowhere.logout(signal)
  })

  test('ends what is still waiting for an answer', async () => {
    await session.call('VM.warm', [], signal)
    sessions.answer = (asked) => (asked.method === 'session.logout' ? success('') : undefined)
    const open = [session.call('VM.a', [], signal), session.poll('event.from', [], 45_000, signal)]
    const done = Promise.allSettled(open)
    await until(() => xapi.methods.includes('event.from') && xapi.methods.includes('VM.a'))
    await session.logout(signal)
    expect((await done).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  })
})

test('no session ref stands in any error or log line', async () => {
  sessions.answer = (asked) => failure('INTERNAL_ERROR', `bad: ${/OpaqueRef:5ec2e7[0-9a-f-]+/.exec(asked.body)![0]}`)
  const texts = await outcomes([session.call('VM.a', [], signal)])
  sessions.forget()
  sessions.onLogin = () => failure('SESSION_INVALID', 'OpaqueRef:5ec2e700-0000-0000-0000-000000000001')
  texts.push(...(await outcomes([session.call('VM.b', [], signal)])))
  await session.logout(signal)
  expect(texts.join()).toContain('INTERNAL_ERROR')
  expect(texts.join() + recording.text).not.toContain('5ec2e7')
})

describe("somebody else's session", () => {
  const theirs = () => [...sessions.valid][0]!
  const using = (ref: string) =>
    new XapiSession({ socketPath: xapi.path, clock, log: recording.log, callMs: CALL_MS, session: ref })

  test('is used without logging in, and not ended', async () => {
    sessions.logIn()
    const borrowed = using(theirs())
    expect(await borrowed.call('VM.get_all', [], signal)).toBe('did VM.get_all')
    await borrowed.logout(signal)
    expect(sessions.made).toBe(1)
    expect(sessions.loggedOut).toEqual([])
    expect(recording.text).not.toContain(theirs())
  })

  test('that has ended is not renewed', async () => {
    sessions.logIn()
    const borrowed = using(theirs())
    sessions.forget()
    const error = await borrowed.call('VM.get_all', [], signal).catch((thrown: unknown) => thrown)
    expect(isFailure(error, 'SESSION_INVALID')).toBe(true)
    expect(sessions.made).toBe(1)
    await borrowed.logout(signal)
  })
})
