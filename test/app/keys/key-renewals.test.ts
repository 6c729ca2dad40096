import { beforeEach, expect, test } from 'vitest'
import { keyMarkText } from '../../../src/app/keys/key-marks.ts'
import { KeyRenewals } from '../../../src/app/keys/key-renewals.ts'
import { RefusedError } from '../../../src/base/errors.ts'
import { KEY } from '../../../src/model/fields.ts'
import { POOL_KEY } from '../../../src/model/pool.ts'
import type { VmRecord } from '../../../src/model/vm.ts'
import { FakeClock, settle } from '../../fakes/fake-clock.ts'
import { RecordingLog } from '../../fakes/recording-log.ts'

const PRINT = 'SHA256:new'

let clock: FakeClock
let log: RecordingLog
let previous: string | undefined
let vms: VmRecord[]
let renewed: string[]
let ends: number
let renew: (vmUuid: string) => Promise<void>
let renewals: KeyRenewals
let stop: AbortController

beforeEach(() => {
  clock = new FakeClock()
  log = new RecordingLog()
  stop = new AbortController()
  previous = 'secret-1'
  vms = [vm('one'), vm('two'), vm('done', { [KEY.keyRenewal]: keyMarkText(PRINT, 'only') })]
  renewed = []
  ends = 0
  renew = async () => undefined
  renewals = new KeyRenewals({
    clock,
    log: log.log,
    signal: () => stop.signal,
    pool: () => ({
      ref: 'pool',
      coordinator: undefined,
      otherConfig: previous === undefined ? {} : { [POOL_KEY.previousKey]: previous },
    }),
    vms: () => vms,
    print: async () => PRINT,
    renew: (vmUuid) => {
      renewed.push(vmUuid)
      return renew(vmUuid)
    },
    end: async () => void ends++,
  })
})

function vm(uuid: string, otherConfig: Record<string, string> = {}): VmRecord {
  const kind = { isControlDomain: false, isTemplate: false, isSnapshot: false }
  const place = { powerState: 'Running', residentOn: 'host', networks: {} } as const
  return { ref: uuid, uuid, name: uuid, ...place, ...kind, otherConfig: { [KEY.monitor]: 'True', ...otherConfig } }
}

test('each guest that comes back is finished once; with the last one the previous key is forgotten', async () => {
  for (const uuid of ['one', 'done', 'one']) renewals.connected(uuid)
  await settle()
  expect([renewed, ends]).toEqual([['one'], 0])
  renewals.connected('one')
  renewals.connected('two')
  await settle()
  expect([renewed, ends]).toEqual([['one', 'two'], 1])
})

test('nothing is done while no key is being changed', async () => {
  previous = undefined
  expect(renewals.underWay()).toBe(false)
  renewals.connected('one')
  renewals.retry(['one'])
  await settle()
  expect(renewed).toEqual([])
})

test('a guest that fails is left alone for a quarter of an hour, however often it connects, or until it is night', async () => {
  renew = () => Promise.reject(new RefusedError({ kind: 'keys-not-written', cause: 'Read-only', cure: 'Mend it' }))
  renewals.connected('one')
  await settle()
  renewals.connected('one')
  await settle()
  expect(renewed).toEqual(['one'])
  expect(log.at('warn')).toEqual(["could not renew the guest's keys, will try again later"])
  renewals.retry(['one'])
  await settle()
  expect(renewed).toEqual(['one', 'one'])
  await clock.advance(15 * 60_000)
  renew = async () => undefined
  renewals.connected('one')
  await settle()
  expect([renewed.length, ends]).toEqual([3, 0])
})

test('one that hangs is given up after two minutes, and two at most are done at once', async () => {
  vms = ['a', 'b', 'c'].map((uuid) => vm(uuid))
  renew = () => new Promise(() => undefined)
  for (const { uuid } of vms) renewals.connected(uuid)
  await settle()
  expect(renewed).toEqual(['a', 'b'])
  await clock.advance(120_000)
  expect(renewed).toEqual(['a', 'b', 'c'])
  stop.abort()
  await settle()
  expect(clock.pending).toBe(0)
})

test('the next change of the key begins afresh', async () => {
  renewals.connected('one')
  await settle()
  previous = 'secret-2'
  renewals.connected('one')
  await settle()
  expect(renewed).toEqual(['one', 'one'])
})
