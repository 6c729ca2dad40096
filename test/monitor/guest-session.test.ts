import { beforeEach, describe, expect, test } from 'vitest'
import { RefusedError, TransientError } from '../../src/base/errors.ts'
import { KEY, LIVE_KEYS } from '../../src/model/fields.ts'
import type { GuestLink, Target } from '../../src/model/guest.ts'
import { ConnectGate } from '../../src/monitor/connect-gate.ts'
import { GuestSession, type Aim } from '../../src/monitor/guest-session.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import { RecordingLog } from '../fakes/recording-log.ts'
import { FakeLink, TARGET } from './fixtures.ts'

const GRACE_MS = 120_000
const refused = () => new RefusedError({ kind: 'auth-refused', cause: 'The guest refused the key', cure: 'Install it' })
const unreachable = () => new TransientError({ kind: 'unreachable', cause: 'No answer', cure: 'Look at it' })

let clock: FakeClock
let recording: RecordingLog
let stop: AbortController
let session: GuestSession
/** When guests were dialled, and where. */
let dials: { at: number; target: Target; signal: AbortSignal }[]
let links: FakeLink[]
let statuses: string[]
let published: Record<string, string | undefined>
let messages: (string | undefined)[]
/** What a dial comes to: a link, an error, or a promise of one. */
let transport: (target: Target, signal: AbortSignal) => GuestLink | Error | Promise<GuestLink>
/** Ends the watching of each link. */
let fail: ((error: Error) => void)[]
/** Whether a link is ready as soon as it is there. */
let readyAtOnce: boolean
let stateChanged: () => void

const aim = (more: Partial<Target> = {}): Aim => ({ target: { ...TARGET, ...more }, problem: undefined })
const connected = (target: Target) => {
  const link = new FakeLink({ address: target.addresses[0]! })
  links.push(link)
  return link
}

beforeEach(() => {
  clock = new FakeClock(Date.parse('2026-11-22T10:00:00Z'))
  recording = new RecordingLog()
  stop = new AbortController()
  dials = []
  links = []
  statuses = []
  published = {}
  messages = []
  fail = []
  readyAtOnce = true
  stateChanged = () => undefined
  transport = connected
})

function start(first: Aim = aim()): Promise<void> {
  const begun = clock.monotonic()
  session = new GuestSession(
    {
      clock,
      random: () => 1,
      log: recording.log,
      gate: new ConnectGate(clock, 8),
      transport: {
        name: 'fake',
        connect: async (target, signal) => {
          dials.push({ at: clock.monotonic() - begun, target, signal })
          const result = await transport(target, signal)
          if (result instanceof Error) throw result
          return result
        },
      },
      watchGuest: (link, ready, signal) =>
        new Promise<never>((_, reject) => {
          fail.push(reject)
          signal.addEventListener('abort', () => reject(new Error('aborted')))
          if (readyAtOnce) ready()
          void link.closed.then((error) => error !== undefined && reject(error))
        }),
      publish: (fields) => {
        const status = fields[KEY.status]
        if (status !== undefined && status !== statuses.at(-1)) statuses.push(status)
        Object.assign(published, fields)
      },
      notify: (body) => messages.push(body),
      graceMs: GRACE_MS,
      changed: () => stateChanged(),
    },
    first,
  )
  return session.run(stop.signal)
}

const times = () => dials.map(({ at }) => at)
/** Pauses between the dials. */
const pauses = () =>
  times()
    .slice(1)
    .map((at, i) => at - times()[i]!)

describe('a guest that answers', () => {
  test('is monitored, without ever having shown `connecting`', async () => {
    void start()
    await settle()
    expect(statuses).toEqual(['monitored since 2026-11-22T10:00:00Z'])
    expect(session.state.at).toBe('monitored')
    await clock.advance(600_000)
    expect(statuses).toHaveLength(1)
    expect(clock.pending).toBe(0)
  })

  test('that takes its time shows `connecting` meanwhile', async () => {
    transport = (target) => new Promise((resolve) => clock.after(4500, () => resolve(connected(target))))
    void start()
    await clock.advance(6000)
    expect(statuses).toEqual(['connecting since 2026-11-22T10:00:00Z', 'monitored since 2026-11-22T10:00:04Z'])
  })

  test('has its host key pinned at first contact, with whose it is', async () => {
    void start()
    await settle()
    expect(published).toMatchObject({ [KEY.hostKey]: 'KEY', [KEY.hostKeyOwner]: 'uuid-vm' })
  })

  test('whose key is pinned keeps that pin', async () => {
    void start(aim({ pinnedHostKey: 'KEY' }))
    await settle()
    expect(published).not.toHaveProperty(KEY.hostKey)
  })

  test('says that an old message, if any, is to go', async () => {
    void start()
    await settle()
    expect(messages).toEqual([undefined])
  })
})

describe('a guest that does not answer', () => {
  test('is tried again with growing pauses, 20 s at most', async () => {
    transport = unreachable
    void start()
    await clock.advance(150_000)
    expect(pauses()).toEqual(
      [3000, 4000, 8000, 16_000, 20_000, 20_000, 20_000, 20_000, 20_000].slice(0, pauses().length),
    )
    expect(pauses().length).toBeGreaterThanOrEqual(7)
  })

  test('is never dialled while a dial is under way', async () => {
    let open = 0
    transport = () => {
      expect(++open).toBe(1)
      return new Promise((_, reject) =>
        clock.after(9000, () => {
          open--
          reject(unreachable())
        }),
      )
    }
    void start()
    for (let i = 0; i < 50; i++) {
      session.retarget(aim())
      await clock.advance(1000)
    }
    expect(dials.length).toBeGreaterThanOrEqual(3)
    expect(dials.length).toBeLessThanOrEqual(6)
  })

  test('that refuses is left alone for 15 s at least', async () => {
    transport = refused
    void start()
    await clock.advance(100_000)
    for (const pause of pauses()) expect(pause).toBeGreaterThanOrEqual(15_000)
    expect(dials.length).toBeGreaterThanOrEqual(5)
  })

  test('says why in its status, once; the log has a warning once', async () => {
    transport = refused
    void start()
    await clock.advance(100_000)
    expect(statuses).toEqual(['failed since 2026-11-22T10:00:00Z: The guest refused the key. Install it'])
    expect(recording.at('warn', 'error')).toHaveLength(1)
  })

  test('within the grace nothing is wiped and nobody told; then once', async () => {
    transport = unreachable
    void start()
    published[KEY.ps] = 'old'
    await clock.advance(GRACE_MS - 1)
    expect([published[KEY.ps], messages]).toEqual(['old', []])
    await clock.advance(1)
    for (const key of LIVE_KEYS) expect(published).toHaveProperty(key, undefined)
    await clock.advance(3_600_000)
    expect(messages).toEqual(['No answer. Look at it'])
  })

  test('that never even finishes a handshake is given up too', async () => {
    transport = () => new Promise(() => undefined)
    void start()
    await clock.advance(GRACE_MS)
    expect(messages).toEqual([expect.stringContaining('The guest has not answered yet')])
    expect(statuses.at(-1)).toMatch(/^failed since .*: The guest has not answered yet/)
  })

  test('and comes back is found within 45 s, and the message goes', async () => {
    transport = unreachable
    void start()
    await clock.advance(3_600_000)
    transport = connected
    await clock.advance(45_000)
    expect(session.state.at).toBe('monitored')
    expect(messages).toEqual(['No answer. Look at it', undefined])
  })

  test('that nobody can dial has its problem as status, and is not dialled', async () => {
    const problem = { kind: 'no-address', cause: 'The VM reports no IP address', cure: 'Install the tools' }
    void start({ target: TARGET, problem })
    await clock.advance(GRACE_MS)
    expect(dials).toEqual([])
    expect(statuses).toEqual(['failed since 2026-11-22T10:00:00Z: The VM reports no IP address. Install the tools'])
    expect(messages).toEqual(['The VM reports no IP address. Install the tools'])
    session.retarget(aim())
    await clock.advance(0)
    expect(session.state.at).toBe('monitored')
  })

  test('an error that nobody expected says so, and is tried again', async () => {
    transport = () => new TypeError('x is not a function')
    void start()
    await clock.advance(10_000)
    expect(statuses.at(-1)).toContain('Unexpected error: x is not a function. Please report this')
    expect(recording.at('error').length).toBeGreaterThan(0)
    expect(dials.length).toBeGreaterThan(1)
  })
})

describe('a lost connection', () => {
  const lose = async () => {
    fail.at(-1)!(unreachable())
    await settle()
  }

  test('is made anew; within the grace the last good data stay', async () => {
    void start()
    await clock.advance(60_000)
    await lose()
    await clock.advance(1500)
    expect(statuses.at(-1)).toBe('connecting since 2026-11-22T10:01:00Z')
    await clock.advance(3000)
    expect([session.state.at, session.reconnects, dials.length]).toEqual(['monitored', 1, 2])
    expect(published).not.toHaveProperty(KEY.ps)
    await clock.advance(GRACE_MS)
    expect(messages.filter((body) => body !== undefined)).toEqual([])
  })

  test('for good: wiped and told after the grace, counted from the loss', async () => {
    void start()
    await clock.advance(60_000)
    transport = unreachable
    await lose()
    await clock.advance(GRACE_MS - 1)
    expect(messages).toEqual([undefined])
    await clock.advance(1)
    expect(messages).toEqual([undefined, 'No answer. Look at it'])
    expect(published).toHaveProperty(KEY.ps, undefined)
  })

  test('whose link is closed', async () => {
    void start()
    await clock.advance(60_000)
    links[0]!.breakOff(new Error('reset'))
    await clock.advance(5000)
    expect(dials).toHaveLength(2)
    expect(links[0]!.isClosed).toBe(true)
  })

  test('of a guest that is good for a moment only, again and again, is backed off from', async () => {
    void start()
    for (let i = 0; i < 60; i++) {
      await clock.advance(1000)
      if (session.state.at === 'monitored') await lose()
    }
    expect(dials.length).toBeLessThanOrEqual(8)
  })

  test('of one that was good for long is made anew soon', async () => {
    void start()
    for (let i = 0; i < 10; i++) {
      await clock.advance(40_000)
      await lose()
      await clock.advance(3000)
      expect(session.state.at).toBe('monitored')
    }
  })
})

describe('another target', () => {
  test('the same one again changes nothing: not a dial under way, not a wait, not a link', async () => {
    transport = refused
    void start()
    for (let i = 0; i < 100; i++) {
      session.retarget(aim())
      await clock.advance(100)
    }
    expect(dials).toHaveLength(1)
    transport = connected
    await clock.advance(20_000)
    session.retarget(aim())
    // Our own pin comes back.
    session.retarget(aim({ pinnedHostKey: 'KEY' }))
    await clock.advance(20_000)
    expect([dials.length, links[0]!.isClosed]).toEqual([2, false])
  })

  test('one that leads to the same place keeps the link', async () => {
    void start()
    await settle()
    session.retarget(aim({ addresses: ['10.0.0.9', '10.0.0.7'] }))
    session.retarget(aim({ socketPath: '/var/run/docker.sock' }))
    await clock.advance(10_000)
    expect(dials).toHaveLength(1)
  })

  test.each<[string, Partial<Target>]>([
    ['another address', { addresses: ['10.0.0.9'] }],
    ['another user', { username: 'ops' }],
    ['other algorithms', { oldAlgorithms: true }],
    ['another socket', { socketPath: '/run/podman/podman.sock' }],
    ['another pinned key', { pinnedHostKey: 'OTHER' }],
  ])('%s is dialled soon, and the old link closed', async (_, change) => {
    void start(aim({ pinnedHostKey: 'KEY' }))
    await clock.advance(60_000)
    session.retarget(aim({ pinnedHostKey: 'KEY', ...change }))
    await clock.advance(3000)
    expect(links[0]!.isClosed).toBe(true)
    expect(dials).toHaveLength(2)
    expect(dials[1]!.target).toMatchObject(change)
    expect(session.state.at).toBe('monitored')
  })

  describe('of a guest that is reached over TLS', () => {
    const tls = { ca: 'a', certificate: 'b', key: 'c' }
    const over = (more: Partial<Target> = {}) => aim({ mode: 'tls', tls, ...more })
    beforeEach(() => {
      transport = (target) => {
        const link = new FakeLink({
          address: target.addresses[0]!,
          ...(target.mode === 'tls' && { hostKey: undefined }),
        })
        links.push(link)
        return link
      }
    })

    test('user, socket and host key mean nothing to it', async () => {
      void start(over({ pinnedHostKey: 'KEY' }))
      await clock.advance(60_000)
      session.retarget(
        over({ pinnedHostKey: 'OTHER', username: 'ops', socketPath: '/run/docker.sock', tls: { ...tls } }),
      )
      await clock.advance(10_000)
      expect([dials.length, links[0]!.isClosed]).toEqual([1, false])
    })

    test('other secrets are used at once', async () => {
      void start(over())
      await clock.advance(60_000)
      session.retarget(over({ tls: { ...tls, key: 'd' } }))
      await clock.advance(3000)
      expect([links[0]!.isClosed, dials[1]!.target.tls?.key]).toEqual([true, 'd'])
    })

    test('one that goes over to TLS keeps the pin of its SSH host key, and is dialled anew', async () => {
      void start(aim({ pinnedHostKey: 'KEY' }))
      await clock.advance(60_000)
      session.retarget(over({ pinnedHostKey: 'KEY' }))
      await clock.advance(3000)
      expect([links[0]!.isClosed, dials.length, dials[1]!.target.mode]).toEqual([true, 2, 'tls'])
      expect(Object.entries(published)).not.toContainEqual([KEY.hostKey, undefined])
    })
  })

  test('a problem ends the link', async () => {
    void start()
    await clock.advance(60_000)
    session.retarget({ target: TARGET, problem: { kind: 'no-address', cause: 'No address', cure: 'Add one' } })
    await clock.advance(3000)
    expect(links[0]!.isClosed).toBe(true)
    expect(statuses.at(-1)).toContain('No address. Add one')
  })

  test('cuts a wait short', async () => {
    transport = refused
    void start()
    await clock.advance(5000)
    session.retarget(aim({ username: 'ops' }))
    await clock.advance(0)
    expect(dials.map(({ target }) => target.username)).toEqual(['core', 'ops'])
  })

  test('ends a dial under way, whose late link is closed', async () => {
    let late!: (link: GuestLink) => void
    transport = () => new Promise((resolve) => (late = resolve))
    void start()
    await settle()
    transport = connected
    session.retarget(aim({ addresses: ['10.0.0.9'] }))
    await clock.advance(3000)
    expect(dials[0]!.signal.aborted).toBe(true)
    const orphan = new FakeLink()
    late(orphan)
    await settle()
    expect(orphan.isClosed).toBe(true)
    expect([session.state.at, links[0]!.isClosed]).toEqual(['monitored', false])
  })

  test('that changes all the time is dialled every 3 s at most', async () => {
    void start()
    for (let i = 0; i < 300; i++) {
      session.retarget(aim({ addresses: [`10.0.1.${i % 200}`] }))
      await clock.advance(100)
    }
    expect(dials.length).toBeLessThanOrEqual(11)
    expect(dials.length).toBeGreaterThanOrEqual(8)
    for (const pause of pauses()) expect(pause).toBeGreaterThanOrEqual(3000)
  })
})

describe('stopping', () => {
  test('closes the link and leaves everything as it is', async () => {
    const run = start()
    await clock.advance(60_000)
    const before = { ...published }
    stop.abort(new Error('handed over'))
    await run
    expect(links[0]!.isClosed).toBe(true)
    expect([published, clock.pending]).toEqual([before, 0])
  })

  test.each<[string, () => void]>([
    ['a dial', () => (transport = (_, signal) => new Promise((_done, end) => signal.addEventListener('abort', end)))],
    ['a pause', () => (transport = unreachable)],
    ['a list', () => (readyAtOnce = false)],
  ])('in the middle of %s ends at once, with no timer left', async (_, prepare) => {
    prepare()
    const run = start()
    await clock.advance(500)
    stop.abort(new Error('stopping'))
    await run
    expect(clock.pending).toBe(0)
    expect(statuses.filter((line) => line.startsWith('connecting'))).toEqual([])
    for (const link of links) expect(link.isClosed).toBe(true)
  })
})

describe('a guest that comes and goes', () => {
  const lost = () => new TransientError({ kind: 'events-ended', cause: 'The event stream ended', cure: 'Look at it' })

  /** Each connection is good at first and breaks after so long. */
  async function flap(times: number, goodMs: number): Promise<void> {
    for (let i = 0; i < times; i++) {
      const connections = fail.length
      while (fail.length === connections || session.state.at === 'connecting') await clock.advance(100)
      await clock.advance(goodMs)
      fail.at(-1)!(lost())
      await settle()
    }
  }

  async function untilConnectedAgain(): Promise<void> {
    const connections = fail.length
    while (fail.length === connections) await clock.advance(100)
  }

  test('is connecting after a loss or two', async () => {
    void start()
    await settle()
    fail.at(-1)!(lost())
    await settle()
    expect(session.state.at).toBe('connecting')
    await flap(1, 1000)
    expect(session.state.at).toBe('connecting')
    await clock.advance(30_000)
    expect(session.state.at).toBe('monitored')
  })

  test('has failed after the third early loss, with the cause, and has to prove itself', async () => {
    void start()
    await settle()
    fail.at(-1)!(lost())
    await settle()
    await flap(2, 1000)
    expect(statuses.at(-1)).toMatch(/^failed since .*: The event stream ended\. Look at it$/)
    const before = statuses.length
    for (let i = 0; i < 5; i++) {
      await untilConnectedAgain()
      await clock.advance(11_000)
      fail.at(-1)!(lost())
      await settle()
    }
    expect(statuses).toHaveLength(before)
    const lostAt = clock.monotonic()
    await untilConnectedAgain()
    await clock.advance(11_500)
    expect(session.state.at).toBe('failed')
    await clock.advance(500)
    expect(session.state.at).toBe('monitored')
    expect(statuses).toHaveLength(before + 1)
    expect(clock.monotonic() - lostAt).toBeLessThan(35_000)
  })

  test('is told of once, after the grace, and its documents go', async () => {
    void start()
    await settle()
    fail.at(-1)!(lost())
    await settle()
    await flap(2, 1000)
    for (let i = 0; i < 8; i++) {
      await clock.advance(21_000)
      fail.at(-1)!(lost())
      await settle()
    }
    expect(messages.filter((body) => body !== undefined)).toEqual(['The event stream ended. Look at it'])
    for (const key of LIVE_KEYS) expect(published).toHaveProperty(key, undefined)
  })

  test('is dialled more and more rarely', async () => {
    void start()
    await settle()
    fail.at(-1)!(lost())
    await settle()
    for (let i = 0; i < 6; i++) {
      await untilConnectedAgain()
      fail.at(-1)!(lost())
      await settle()
    }
    const gaps = pauses()
    expect(gaps.slice(-2).every((gap) => gap >= 19_000)).toBe(true)
    expect(gaps.toSorted((a, b) => a - b)).toEqual(gaps)
  })

  test('that was good for half a minute starts anew', async () => {
    void start()
    await settle()
    fail.at(-1)!(lost())
    await settle()
    await flap(1, 1000)
    await flap(1, 31_000)
    await flap(2, 1000)
    expect(session.state.at).toBe('connecting')
  })
})

test('whoever wants to know is told of each new state', async () => {
  const seen: string[] = []
  stateChanged = () => seen.push(session.state.at)
  transport = unreachable
  void start()
  await settle()
  transport = connected
  await clock.advance(30_000)
  expect(seen).toEqual(['connecting', 'failed', 'monitored'])
})
