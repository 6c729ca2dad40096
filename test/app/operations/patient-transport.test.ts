import { beforeEach, expect, test } from 'vitest'
import { PatientTransport } from '../../../src/app/operations/patient-transport.ts'
import { RefusedError, TransientError } from '../../../src/base/errors.ts'
import type { GuestLink } from '../../../src/model/guest.ts'
import { FakeClock, settle } from '../../fakes/fake-clock.ts'
import { stateOf } from '../../fakes/late.ts'
import { FakeLink, TARGET } from '../../monitor/fixtures.ts'

const { signal } = new AbortController()
let clock: FakeClock
let dials: number[]
let answer: () => GuestLink | Error
let patience: number[]

beforeEach(() => {
  clock = new FakeClock()
  dials = []
  patience = []
})

function connect(stop = signal): Promise<GuestLink> {
  const begun = clock.monotonic()
  const inner = {
    name: 'fake',
    connect: async () => {
      dials.push(clock.monotonic() - begun)
      const result = answer()
      if (result instanceof Error) throw result
      return result
    },
  }
  const slots = {
    pass: <T>(vm: string, ms: number, _: AbortSignal, dial: () => Promise<T>) => {
      expect(vm).toBe(TARGET.vmUuid)
      patience.push(ms)
      return dial()
    },
  }
  return new PatientTransport({ clock, random: () => 1, slots }, inner).connect(TARGET, stop)
}

const busy = (kind: string) => new TransientError({ kind, cause: 'Too many', cure: 'Wait' })

test.each(['ssh-busy', 'ssh-closed', 'login-cut'])('%s is tried again until it works', async (kind) => {
  const link = new FakeLink()
  answer = () => (dials.length < 4 ? busy(kind) : link)
  const connecting = connect()
  await clock.advance(5000)
  expect(await connecting).toBe(link)
  expect(dials).toEqual([0, 150, 450, 1050])
  expect(patience).toEqual([45_000, 45_000, 45_000, 45_000])
})

test('after 20 s the last error counts', async () => {
  answer = () => busy('ssh-closed')
  const connecting = connect()
  const state = stateOf(connecting)
  await clock.advance(20_000)
  expect(state.state).toBe('rejected')
  await expect(connecting).rejects.toMatchObject({ diagnosis: { kind: 'ssh-closed' } })
  expect(dials.at(-1)).toBeLessThanOrEqual(20_000)
  expect(dials.length).toBeGreaterThan(8)
  expect(clock.pending).toBe(0)
})

test.each([
  new RefusedError({ kind: 'auth-refused', cause: 'No', cure: 'Do' }),
  new TransientError({ kind: 'ssh-refused', cause: 'No', cure: 'Do' }),
  new TypeError('oh'),
])('what waiting does not mend is told at once: %s', async (error) => {
  answer = () => error
  await expect(connect()).rejects.toBe(error)
  expect(dials).toEqual([0])
})

test('an abort ends the waiting', async () => {
  const stop = new AbortController()
  answer = () => busy('ssh-busy')
  const connecting = connect(stop.signal)
  connecting.catch(() => undefined)
  await settle()
  stop.abort(new Error('enough'))
  await expect(connecting).rejects.toThrow('enough')
  expect(clock.pending).toBe(0)
})
