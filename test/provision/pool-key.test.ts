import { beforeEach, describe, expect, test } from 'vitest'
import { RefusedError } from '../../src/base/errors.ts'
import { POOL_KEY } from '../../src/model/pool.ts'
import { destroyOrphans, orphanLabel } from '../../src/provision/orphans.ts'
import { ensurePoolKey } from '../../src/provision/pool-key.ts'
import { FakeSecrets } from '../fakes/fake-secrets.ts'

const { signal } = new AbortController()
const PRIVATE = POOL_KEY.privateKey
const PUBLIC = POOL_KEY.publicKey

let store: FakeSecrets
let made: number
const tools = {
  generate: async () => ({ privatePem: `pem ${++made}`, publicLine: `ssh-rsa AAAA${made} xscontainer` }),
  publicLineOf: (pem: string) => `ssh-rsa of(${pem})`,
}
const ensure = () => ensurePoolKey(store, tools, signal)

beforeEach(() => {
  store = new FakeSecrets()
  made = 0
})

const NOW = 1_700_000_000_000
const labelling = () => ({ ...tools, label: () => orphanLabel(NOW) })

/** The secret that the pool names by this key. */
const named = (key: string) => store.secrets.get(store.pool.get(key) ?? '')

describe('ensurePoolKey', () => {
  test('makes a pair for a pool without one, and names both halves on the pool', async () => {
    expect(await ensure()).toBe('pem 1')
    expect([named(PRIVATE), named(PUBLIC)]).toEqual(['pem 1', 'ssh-rsa AAAA1 xscontainer'])
    expect(store.secrets.size).toBe(2)
  })

  test('keeps using the pair that is there', async () => {
    store.pool.set(PRIVATE, 'old').set(PUBLIC, 'old-public')
    store.secrets.set('old', 'old pem').set('old-public', 'old line')
    expect(await ensure()).toBe('old pem')
    expect(made).toBe(0)
    expect(store.calls).toEqual(['poolConfig', 'read'])
  })

  test('adds the public half where only the private one is named', async () => {
    store.pool.set(PRIVATE, 'old')
    store.secrets.set('old', 'old pem')
    expect(await ensure()).toBe('old pem')
    expect(named(PUBLIC)).toBe('ssh-rsa of(old pem)')
    expect(store.pool.get(PRIVATE)).toBe('old')
  })

  test('two hosts at the same moment agree on one key, and nothing of the other is left', async () => {
    const [one, two] = await Promise.all([ensure(), ensure()])
    expect(one).toBe(two)
    expect(named(PRIVATE)).toBe(one)
    expect(store.secrets.size).toBe(2)
    expect(store.secrets.has(store.pool.get(PUBLIC) ?? '')).toBe(true)
  })

  test('another host that is quicker wins', async () => {
    store.before = (call) => {
      if (call !== 'claim' || store.pool.has(PRIVATE)) return
      store.pool.set(PRIVATE, 'theirs').set(PUBLIC, 'theirs-public')
      store.secrets.set('theirs', 'their pem')
    }
    expect(await ensure()).toBe('their pem')
    expect([...store.secrets.values()]).toEqual(['their pem'])
  })

  test('two hosts that find the public half missing at the same moment leave one secret', async () => {
    store.pool.set(PRIVATE, 'old')
    store.secrets.set('old', 'old pem')
    store.before = (call) => {
      if (call !== 'create') return
      store.pool.set(PUBLIC, 'theirs')
      store.secrets.set('theirs', 'ssh-rsa of(old pem)')
    }
    expect(await ensure()).toBe('old pem')
    expect([...store.secrets.keys()]).toEqual(['old', 'theirs'])
    expect(store.pool.get(PUBLIC)).toBe('theirs')
  })

  test('a public half that was left behind alone is replaced with the new pair', async () => {
    store.pool.set(PUBLIC, 'stale')
    store.secrets.set('stale', 'ssh-rsa STALE')
    expect(await ensure()).toBe('pem 1')
    expect(named(PUBLIC)).toBe('ssh-rsa AAAA1 xscontainer')
  })

  test('a name without a secret is not silently replaced: guests trust the old key', async () => {
    store.pool.set(PRIVATE, 'gone')
    const failed = ensure()
    await expect(failed).rejects.toThrow(RefusedError)
    await expect(failed).rejects.toThrow(
      /secret gone as its SSH key, but there is no such secret\. Remove xscontainer-private/,
    )
    expect([made, store.pool.get(PRIVATE)]).toEqual([0, 'gone'])
  })

  test.each(['poolConfig', 'create', 'claim'])(
    'a failing %s is passed on, and the next try makes it good',
    async (at) => {
      store.before = (call) => {
        if (call === at) throw new Error('XAPI away')
      }
      await expect(ensure()).rejects.toThrow('XAPI away')
      store.before = () => undefined
      expect(await ensure()).toMatch(/^pem \d$/)
      expect(named(PRIVATE)).toMatch(/^pem \d$/)
      expect(named(PUBLIC)).toBeDefined()
    },
  )

  test('a public half that was left behind goes before the new key is named: nobody would look at it again', async () => {
    store.pool.set(PUBLIC, 'stale')
    store.secrets.set('stale', 'ssh-rsa STALE')
    store.after = (call) => {
      if (call === 'claim') throw new Error('killed')
    }
    await expect(ensure()).rejects.toThrow('killed')
    store.after = () => undefined
    expect(await ensure()).toBe('pem 1')
    expect(named(PUBLIC)).toBe('ssh-rsa of(pem 1)')
    expect(store.secrets.has('stale')).toBe(false)
  })

  test.each(['before', 'after'] as const)(
    'killed at any call, %s it is made, the next host leaves one key and nothing else',
    async (when) => {
      const whole = new FakeSecrets()
      await ensurePoolKey(whole, labelling(), signal)
      for (let call = 1; call <= whole.calls.length; call++) {
        store = new FakeSecrets()
        store.secrets.set('foreign', 'theirs')
        store.labels.set('foreign', 'of another tool')
        store[when] = () => {
          if (store.calls.length >= call) throw new Error('killed')
        }
        await ensurePoolKey(store, labelling(), signal).catch(() => undefined)
        store[when] = () => undefined
        expect(await ensurePoolKey(store, labelling(), signal)).toMatch(/^pem \d+$/)
        // One that has just been made may be about to be named.
        await destroyOrphans(store, NOW + 60_000, signal)
        await destroyOrphans(store, NOW + 6 * 60_000, signal)
        expect([call, [...store.secrets.keys()].sort()]).toEqual([call, ['foreign', ...store.pool.values()].sort()])
      }
    },
  )

  test('what may be about to be named is left alone', async () => {
    const uuid = await store.create('pem', signal, orphanLabel(NOW))
    expect(await destroyOrphans(store, NOW + 60_000, signal)).toBe(0)
    expect(store.secrets.has(uuid)).toBe(true)
    expect(await destroyOrphans(store, NOW + 6 * 60_000, signal)).toBe(1)
  })
})
