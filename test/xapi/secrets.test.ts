import { describe, expect, test } from 'vitest'
import { RefusedError, StoppedError } from '../../src/base/errors.ts'
import { XapiFailure } from '../../src/xapi/errors.ts'
import { XapiSecrets } from '../../src/xapi/secrets.ts'
import { useSimSession } from './sim-session.ts'

const { sim, state } = useSimSession()
const { signal } = new AbortController()
const PEM = '-----BEGIN RSA PRIVATE KEY-----\nMII+/=\n-----END RSA PRIVATE KEY-----\n'

describe('secrets', () => {
  test('are stored, read back byte for byte, and destroyed', async () => {
    const secrets = new XapiSecrets(state.session)
    const uuid = await secrets.create(PEM, signal)
    expect(uuid).toMatch(/^[0-9a-f-]{36}$/)
    expect(await secrets.read(uuid, signal)).toBe(PEM)
    await secrets.destroy(uuid, signal)
    expect(await secrets.read(uuid, signal)).toBeUndefined()
  })

  test('one that is being made when nobody wants it any more is made, so that somebody knows which to destroy', async () => {
    const stop = new AbortController()
    const call = (...[method, params, inTime]: Parameters<typeof state.session.call>) => {
      stop.abort(new StoppedError('Ctrl-C'))
      return state.session.call(method, params, inTime)
    }
    const secrets = new XapiSecrets({ call })
    expect(await new XapiSecrets(state.session).read(await secrets.create(PEM, stop.signal), signal)).toBe(PEM)
    const before = await state.session.call('secret.get_all', [], signal)
    await expect(secrets.create(PEM, stop.signal)).rejects.toThrow('Ctrl-C')
    expect(await state.session.call('secret.get_all', [], signal)).toEqual(before)
  })

  test('one that is not there is undefined, and destroying it is no error', async () => {
    const secrets = new XapiSecrets(state.session)
    expect(await secrets.read('11111111-2222-3333-4444-555555555555', signal)).toBeUndefined()
    await secrets.destroy('11111111-2222-3333-4444-555555555555', signal)
  })

  test('get another value at once, under the same uuid', async () => {
    const secrets = new XapiSecrets(state.session)
    const uuid = await secrets.create(PEM, signal)
    await secrets.replace(uuid, 'another', signal)
    expect(await secrets.read(uuid, signal)).toBe('another')
  })

  test('those with a label of ours are found, without a look at any value', async () => {
    const calls: string[] = []
    const session = {
      call: (...[method, params, inTime]: Parameters<typeof state.session.call>) => {
        calls.push(method)
        return state.session.call(method, params, inTime)
      },
    }
    const secrets = new XapiSecrets(session)
    await secrets.create(PEM, signal)
    const uuid = await secrets.create(PEM, signal, 'for a test')
    calls.length = 0
    expect((await secrets.labelled(signal)).filter(({ label }) => label === 'for a test')).toEqual([
      { uuid, label: 'for a test' },
    ])
    expect(calls.join()).not.toMatch(/value|record/)
  })

  test('where XAPI cannot list them there are none', async () => {
    const call = () => Promise.reject(new XapiFailure('secret.get_all', ['MESSAGE_METHOD_UNKNOWN', 'secret.get_all']))
    const secrets = new XapiSecrets({ call })
    expect(await secrets.labelled(signal)).toEqual([])
    // It writes its database in its own time then.
    await expect(secrets.flush(signal)).resolves.toBeUndefined()
  })

  test('an answer that is no text is refused, without showing it', async () => {
    const secrets = new XapiSecrets({ call: async () => ({ value: PEM }) })
    const error: unknown = await secrets.read('u', signal).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(RefusedError)
    expect((error as Error).message).not.toContain('MII')
  })
})

describe('the pool’s map', () => {
  const map = () => sim.pool.record('pool', sim.pool.objects.pool)?.['other_config']

  test('a key is claimed by the first only; others stay untouched', async () => {
    sim.pool.setMapKey('pool', sim.pool.objects.pool, 'other_config', 'theirs', 'kept')
    const secrets = new XapiSecrets(state.session)
    const claims = await Promise.all(['a', 'b', 'c'].map((value) => secrets.claim('xscontainer-k', value, signal)))
    expect(claims.filter(Boolean)).toHaveLength(1)
    const winner = ['a', 'b', 'c'][claims.indexOf(true)]
    expect(await secrets.poolConfig(signal)).toEqual({ theirs: 'kept', 'xscontainer-k': winner })
    expect(map()).toEqual({ theirs: 'kept', 'xscontainer-k': winner })
  })

  test('a key is dropped, there or not', async () => {
    const secrets = new XapiSecrets(state.session)
    await secrets.assign('xscontainer-d', 'one', signal)
    await secrets.drop('xscontainer-d', signal)
    await secrets.drop('xscontainer-d', signal)
    expect(map()).not.toHaveProperty('xscontainer-d')
  })

  test('a key is assigned whatever was there', async () => {
    const secrets = new XapiSecrets(state.session)
    await secrets.assign('xscontainer-p', 'one', signal)
    await secrets.assign('xscontainer-p', 'two', signal)
    expect(map()).toMatchObject({ 'xscontainer-p': 'two' })
  })
})

test('a claim whose first answer was lost counts as made', async () => {
  const secrets = new XapiSecrets(state.session)
  expect(await secrets.claim('xscontainer-lost', 'mine', signal)).toBe(true)
  expect(await secrets.claim('xscontainer-lost', 'mine', signal)).toBe(true)
  expect(await secrets.claim('xscontainer-lost', 'other', signal)).toBe(false)
})
