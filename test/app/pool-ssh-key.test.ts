import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { PoolSshKey } from '../../src/app/pool-ssh-key.ts'
import { POOL_KEY } from '../../src/model/pool.ts'
import { FakeSecrets } from '../fakes/fake-secrets.ts'
import { settle } from '../fakes/fake-clock.ts'
import { Late } from '../fakes/late.ts'
import { makeKey, type TestKey } from '../transports/ssh/keys.ts'

let one: TestKey
let two: TestKey
let store: FakeSecrets
let key: PoolSshKey

beforeAll(() => {
  one = makeKey()
  two = makeKey()
})
beforeEach(() => {
  store = new FakeSecrets()
  store.pool.set(POOL_KEY.privateKey, 'p').set(POOL_KEY.publicKey, 'q')
  store.secrets.set('p', one.pem)
  key = new PoolSshKey(store, new AbortController().signal)
})

describe('PoolSshKey', () => {
  test('reads the key once for any number of guests', async () => {
    const keys = await Promise.all(Array.from({ length: 50 }, () => key.get()))
    expect(new Set(keys).size).toBe(1)
    expect(keys[0]?.publicLine).toBe(one.publicLine)
    expect(store.calls).toEqual(['poolConfig', 'read'])
  })

  test('a pool that has a key is prepared, without a look at what kind of key it is', async () => {
    store.secrets.set('p', 'not a key')
    await key.prepare()
    await expect(key.get()).rejects.toThrow(/cannot be read/)
  })

  test('reads it again after it was told to forget', async () => {
    await key.get()
    store.secrets.set('p', two.pem)
    expect((await key.get()).publicLine).toBe(one.publicLine)
    key.forget()
    expect((await key.get()).publicLine).toBe(two.publicLine)
  })

  test('a failure is not kept: the next guest tries again', async () => {
    store.before = () => {
      throw new Error('XAPI away')
    }
    await expect(key.get()).rejects.toThrow('XAPI away')
    store.before = () => undefined
    expect((await key.get()).publicLine).toBe(one.publicLine)
  })

  test('an old read that fails late does not take the new key away', async () => {
    const slow = new Late<void>()
    store.before = () => slow.promise
    const old = key.get()
    old.catch(() => undefined)
    key.forget()
    store.before = () => undefined
    const fresh = key.get()
    await fresh
    slow.reject(new Error('too late'))
    await expect(old).rejects.toThrow('too late')
    expect(key.get()).toBe(fresh)
  })

  test('a secret that is no key says so without showing it', async () => {
    store.secrets.set('p', 'very secret text')
    const error: unknown = await key.get().catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(Error)
    expect((error as Error).message).not.toContain('very secret')
  })

  test('a pool without a key gets one of 4096 bits', async () => {
    store.pool.clear()
    const { publicLine } = await key.get()
    expect(publicLine).toMatch(/^ssh-rsa AAAA/)
    expect(Buffer.from(publicLine.split(' ')[1]!, 'base64').length).toBeGreaterThan(512)
    expect(store.secrets.get(store.pool.get(POOL_KEY.publicKey)!)).toContain(publicLine.split(' ')[1])
  })

  test('is made once, even when the pool object changes while that goes on', async () => {
    store.pool.clear()
    const made = new Late<{ privatePem: string; publicLine: string }>()
    let times = 0
    const slow = new PoolSshKey(store, new AbortController().signal, () => {
      times++
      return made.promise
    })
    const first = slow.get()
    slow.forget()
    const second = slow.get()
    await settle()
    made.resolve({ privatePem: one.pem, publicLine: one.publicLine })
    expect((await first).publicLine).toBe((await second).publicLine)
    expect(times).toBe(1)
    expect([...store.secrets.values()].filter((text) => text === one.pem)).toHaveLength(2)
  })
})
