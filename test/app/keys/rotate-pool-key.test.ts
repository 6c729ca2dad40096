import { beforeAll, describe, expect, test } from 'vitest'
import { keyMarkText, keyPrint } from '../../../src/app/keys/key-marks.ts'
import { renewGuest } from '../../../src/app/keys/renew-guest.ts'
import { rotatePoolKey, type KeyVm, type RotateDeps, type RotateWishes } from '../../../src/app/keys/rotate-pool-key.ts'
import { wantedKeys } from '../../../src/app/keys/wanted-keys.ts'
import { RefusedError, TransientError } from '../../../src/base/errors.ts'
import { KEY } from '../../../src/model/fields.ts'
import { POOL_KEY } from '../../../src/model/pool.ts'
import { orphanLabel } from '../../../src/provision/orphans.ts'
import { readPoolKeys } from '../../../src/provision/rotation.ts'
import { parsePrivateKey } from '../../../src/transports/ssh/ssh-key.ts'
import { FakeSecrets } from '../../fakes/fake-secrets.ts'
import { FakeGuest, fakeKey, type FakeKey } from './fake-guest.ts'

const { signal } = new AbortController()
const OTHERS = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOthers admin@desk'

let keys: FakeKey[]
beforeAll(() => {
  keys = Array.from({ length: 5 }, fakeKey)
})

interface TestVm {
  record: KeyVm
  readonly guest: FakeGuest
}

/** A pool, its guests, and a process that changes the key, which may end at any call. */
class Pool {
  readonly store = new FakeSecrets()
  readonly vms: TestVm[] = []
  readonly told: string[] = []
  calls = 0
  /** The call at which the process ends, before it is made or before its answer is seen. */
  endAt: { readonly call: number; readonly when: 'before' | 'after' } | undefined
  now = 1_700_000_000_000
  #generated = 1
  #ended = false

  constructor(vms: number) {
    const { store } = this
    store.secrets.set('p', keys[0]!.pem).set('q', keys[0]!.publicLine).set('foreign', 'theirs')
    store.pool.set(POOL_KEY.privateKey, 'p').set(POOL_KEY.publicKey, 'q').set('folder', 'kept')
    store.before = () => this.#step('before')
    store.after = () => this.#step('after')
    for (let i = 0; i < vms; i++) this.add(`vm-${i}`)
  }

  add(name: string, changes: Partial<KeyVm> = {}, ...lines: string[]): TestVm {
    const guest = new FakeGuest(OTHERS, ...(lines.length > 0 ? lines : [keys[0]!.publicLine]))
    guest.before = () => this.#step('before')
    guest.after = () => this.#step('after')
    const vm = { record: record(name, changes), guest }
    this.vms.push(vm)
    return vm
  }

  run(wishes: Partial<RotateWishes> = {}) {
    this.#ended = false
    this.calls = 0
    return rotatePoolKey(this.#deps(), { restrict: false, forget: [], ...wishes }, signal)
  }

  /** The keys that hosts try. */
  async tried() {
    const pem = (key: string) => this.store.secrets.get(this.store.pool.get(key) ?? '')
    const pems = [pem(POOL_KEY.privateKey), pem(POOL_KEY.previousKey)]
    return pems.filter((each) => each !== undefined).map(parsePrivateKey)
  }

  /** All is as after one change of the key that nothing disturbed. */
  expectSettled(): FakeKey {
    const { store } = this
    expect([...store.pool.keys()].sort()).toEqual(['folder', POOL_KEY.privateKey, POOL_KEY.publicKey])
    expect([...store.secrets.keys()].sort()).toEqual(['foreign', 'p', 'q'])
    const now = keys.find(({ pem }) => pem === store.secrets.get('p'))!
    expect(now).not.toBe(keys[0])
    expect(store.secrets.get('q')).toBe(now.publicLine)
    for (const { guest } of this.vms) expect(guest.lines).toEqual([OTHERS, now.publicLine])
    return now
  }

  #deps(): RotateDeps {
    const tools = {
      generate: async () => {
        const { pem, publicLine } = keys[this.#generated++]!
        return { privatePem: pem, publicLine }
      },
      publicLineOf: (pem: string) => parsePrivateKey(pem).publicLine,
      label: () => orphanLabel(this.now),
    }
    return {
      store: this.store,
      tools,
      now: () => this.now,
      vms: async () => this.vms.map(({ record }) => record),
      renew: (vm) => this.#renew(vm),
      mark: async (vm, mark, print) => this.#mark(vm, keyMarkText(print, mark)),
      tell: (what) => this.told.push(what),
    }
  }

  /** As the VM's own host does it. */
  async #renew({ uuid }: KeyVm): Promise<void> {
    const vm = this.vms.find(({ record }) => record.uuid === uuid)!
    const pool = (await readPoolKeys(this.store, signal))!
    const { keys: wanted, mark } = wantedKeys(pool, vm.record.otherConfig)
    await renewGuest(wanted, vm.guest.login, signal)
    await this.#mark(vm.record, keyMarkText(keyPrint(wanted.wanted), mark))
  }

  async #mark({ uuid }: KeyVm, text: string): Promise<void> {
    this.#step('before')
    const vm = this.vms.find(({ record }) => record.uuid === uuid)!
    vm.record = { ...vm.record, otherConfig: { ...vm.record.otherConfig, [KEY.keyRenewal]: text } }
    this.#step('after')
  }

  #step(when: 'before' | 'after'): void {
    if (when === 'before') this.calls++
    const end = this.endAt
    if (end !== undefined && this.calls >= end.call && (this.calls > end.call || when === end.when)) this.#ended = true
    if (this.#ended) throw new Error('killed')
  }
}

function record(name: string, changes: Partial<KeyVm>): KeyVm {
  return {
    ref: `ref-${name}`,
    uuid: `uuid-${name}`,
    name,
    powerState: 'Running',
    residentOn: 'host',
    isControlDomain: false,
    isTemplate: false,
    isSnapshot: false,
    otherConfig: { [KEY.monitor]: 'True' },
    ...changes,
  }
}

describe('rotatePoolKey', () => {
  test('changes the key in all guests and leaves nothing but the new one', async () => {
    const pool = new Pool(3)
    const { pending } = await pool.run()
    expect(pending).toEqual([])
    pool.expectSettled()
    expect(pool.told).toHaveLength(9)
    for (const { guest } of pool.vms) expect(guest.open).toBe(0)
  })

  test('killed at any call, before it is made or answered, it can be run again; no guest is ever locked', async () => {
    const whole = new Pool(1)
    await whole.run()
    const calls = whole.calls
    expect(calls).toBeGreaterThan(40)
    for (const when of ['before', 'after'] as const) {
      for (let call = 1; call <= calls; call++) {
        const pool = new Pool(1)
        pool.endAt = { call, when }
        const run = await pool.run().then(
          () => 'whole',
          (error: unknown) => (error as Error).message,
        )
        // A guest that fails is named; everything else ends the run.
        expect(['whole', 'killed', expect.stringContaining('killed')]).toContainEqual(run)
        pool.endAt = undefined
        const tried = await pool.tried()
        for (const { guest } of pool.vms)
          expect([call, when, tried.some((key) => guest.has(key))]).toEqual([call, when, true])
        pool.now += 10 * 60_000
        const { pending } = await pool.run()
        expect([call, when, pending]).toEqual([call, when, []])
        pool.expectSettled()
      }
    }
  })

  test('whenever XAPI crashes and forgets what it had not written to disk, no guest is locked and a repeat ends it', async () => {
    const whole = new Pool(1)
    await whole.run()
    for (let call = 1; call <= whole.calls; call++) {
      const pool = new Pool(1)
      await pool.store.flush()
      const [{ record: before }] = pool.vms as [TestVm]
      pool.endAt = { call, when: 'after' }
      await pool.run().catch(() => undefined)
      pool.endAt = undefined
      pool.store.crash()
      pool.vms[0]!.record = before
      const tried = await pool.tried()
      expect([call, tried.some((key) => pool.vms[0]!.guest.has(key))]).toEqual([call, true])
      pool.now += 10 * 60_000
      expect([call, (await pool.run()).pending]).toEqual([call, []])
      pool.expectSettled()
    }
  })

  test('a repeat asks those guests only that are left', async () => {
    const pool = new Pool(2)
    const away = pool.add('away')
    away.guest.before = () => {
      throw new TransientError({ kind: 'unreachable', cause: 'Nobody answers at 192.0.2.9', cure: 'Start it' })
    }
    const { pending } = await pool.run()
    expect(pending).toEqual([
      {
        uuid: 'uuid-away',
        name: 'away',
        reason: { kind: 'unreachable', cause: 'Nobody answers at 192.0.2.9', cure: 'Start it' },
      },
    ])
    expect(away.guest.lines).toEqual([OTHERS, keys[0]!.publicLine])
    expect((await pool.tried()).map((key) => away.guest.has(key))).toEqual([false, true])
    for (const { guest } of pool.vms) guest.asked.length = 0
    away.guest.before = () => undefined
    expect((await pool.run()).pending).toEqual([])
    expect(pool.vms.map(({ guest }) => guest.asked.length > 0)).toEqual([false, false, true])
    pool.expectSettled()
  })

  test.each([
    ['halted', { powerState: 'Halted', residentOn: undefined }, /halted/],
    ['suspended', { powerState: 'Suspended', residentOn: undefined }, /suspended/],
  ] as const)('a VM that is %s is named, not asked, and can be given up', async (_, changes, cause) => {
    const pool = new Pool(1)
    const off = pool.add('off', changes)
    const { pending } = await pool.run()
    expect(pending).toMatchObject([{ name: 'off', reason: { cause: expect.stringMatching(cause) as string } }])
    expect(off.guest.asked).toEqual([])
    expect(pool.store.pool.has(POOL_KEY.previousKey)).toBe(true)
    expect((await pool.run({ forget: ['uuid-off'] })).pending).toEqual([])
    expect(pool.store.pool.has(POOL_KEY.previousKey)).toBe(false)
    expect(off.guest.lines).toEqual([OTHERS, keys[0]!.publicLine])
  })

  test('--finish waits for none of those that are left', async () => {
    const pool = new Pool(1)
    pool.add('off', { powerState: 'Halted', residentOn: undefined })
    pool.add('full').guest.readOnly = 'No space left on device'
    expect((await pool.run({ forget: 'all' })).pending).toEqual([])
    expect([...pool.store.secrets.keys()].sort()).toEqual(['foreign', 'p', 'q'])
  })

  test('VMs that are not to be monitored, templates and those in mode tls have no part in it', async () => {
    const pool = new Pool(0)
    const others = [
      pool.add('deregistered', { otherConfig: { [KEY.monitor]: 'False' } }),
      pool.add('tls', { otherConfig: { [KEY.monitor]: 'True', [KEY.mode]: 'tls' } }),
      pool.add('template', { isTemplate: true }),
      pool.add('snapshot', { isSnapshot: true }),
    ]
    expect((await pool.run()).pending).toEqual([])
    for (const { guest } of others) expect(guest.asked).toEqual([])
  })

  test('a host that cannot do it keeps the pool at its old key', async () => {
    const pool = new Pool(2)
    pool.vms[1]!.guest.before = () => {
      throw new RefusedError({ kind: 'plugin-old', cause: 'Host "two" has an older xscontainer', cure: 'Update it' })
    }
    await expect(pool.run()).rejects.toThrow(
      /has not been changed yet: Host "two" has an older xscontainer\. Update it, then run xscontainer key rotate again/,
    )
    expect(pool.store.secrets.get('p')).toBe(keys[0]!.pem)
    for (const { guest } of pool.vms) expect(guest.has(keys[0]!)).toBe(true)
    pool.vms[1]!.guest.before = () => undefined
    expect((await pool.run()).pending).toEqual([])
    pool.expectSettled()
  })

  test('two runs at once agree on one key', async () => {
    const pool = new Pool(2)
    await Promise.all([pool.run(), pool.run()])
    pool.now += 10 * 60_000
    expect((await pool.run()).pending).toEqual([])
    const { store } = pool
    expect([...store.pool.keys()].sort()).toEqual(['folder', POOL_KEY.privateKey, POOL_KEY.publicKey])
    expect([...store.secrets.keys()].sort()).toEqual(['foreign', 'p', 'q'])
    const [now] = await pool.tried()
    for (const { guest } of pool.vms)
      expect(guest.lines.map((line) => line.includes(now!.publicLine))).toEqual([false, true])
  })

  test('a pool without a key is given one; the public half is mended on the way', async () => {
    const pool = new Pool(0)
    pool.store.pool.clear()
    pool.store.secrets.clear()
    expect((await pool.run()).pending).toEqual([])
    expect([...pool.store.pool.keys()].sort()).toEqual([POOL_KEY.privateKey, POOL_KEY.publicKey])
    expect(pool.store.secrets.size).toBe(2)
  })
})
