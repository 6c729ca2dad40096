import { describe, expect, test } from 'vitest'
import type { FieldWrite } from '../../src/model/fields.ts'
import { XapiFailure } from '../../src/xapi/errors.ts'
import type { XapiCall } from '../../src/xapi/session.ts'
import { VmFields } from '../../src/xapi/vm-fields.ts'

const { signal } = new AbortController()

/** A XAPI with one VM's map; `meddle` is somebody else who writes before a call is made. */
class FakeXapi {
  readonly map = new Map<string, string>([['folder', '/web']])
  readonly bursts: string[][] = []
  meddle: (call: string) => void = () => undefined
  fail: (call: string) => Error | undefined = () => undefined

  readonly burst = async (calls: readonly XapiCall[]): Promise<PromiseSettledResult<unknown>[]> => {
    this.bursts.push(calls.map((call) => short(call)))
    return calls.map((call) => this.#call(call))
  }

  #call(call: XapiCall): PromiseSettledResult<unknown> {
    const [, key = '', value = ''] = call.params as string[]
    this.meddle(short(call))
    const failure = this.fail(short(call))
    if (failure !== undefined) return { status: 'rejected', reason: failure }
    if (call.method === 'VM.remove_from_other_config') this.map.delete(key)
    else if (this.map.has(key))
      return { status: 'rejected', reason: new XapiFailure(call.method, ['MAP_DUPLICATE_KEY']) }
    else this.map.set(key, value)
    return { status: 'fulfilled', value: '' }
  }
}

function short({ method, params }: XapiCall): string {
  const [ref, key, value] = params as string[]
  return `${ref} ${method.replace(/^VM\.|_(to|from)_other_config$/g, '')} ${key}${value === undefined ? '' : `=${value}`}`
}

const put = (key: string, value: string | undefined, replaces = false): FieldWrite => ({ key, value, replaces })

describe('VmFields', () => {
  test('makes all writes in one burst, in their order, with as few calls as can be', async () => {
    const xapi = new FakeXapi()
    xapi.map.set('old', 'x').set('gone', 'y')
    await new VmFields(xapi).apply(
      'vm',
      [put('gone', undefined, true), put('old', 'new', true), put('first', '')],
      signal,
    )
    expect(xapi.bursts).toEqual([['vm remove gone', 'vm remove old', 'vm add old=new', 'vm add first=']])
    expect(Object.fromEntries(xapi.map)).toEqual({ folder: '/web', old: 'new', first: '' })
  })

  test('nothing to write is no call', async () => {
    const xapi = new FakeXapi()
    await new VmFields(xapi).apply('vm', [], signal)
    expect(xapi.bursts).toEqual([])
  })

  test('a key that somebody else has added in between is replaced; the other writes are not repeated', async () => {
    const xapi = new FakeXapi()
    xapi.map.set('b', 'theirs')
    await new VmFields(xapi).apply('vm', [put('a', '1'), put('b', '2'), put('c', '3')], signal)
    expect(xapi.bursts.slice(1)).toEqual([['vm remove b', 'vm add b=2']])
    expect(Object.fromEntries(xapi.map)).toEqual({ folder: '/web', a: '1', b: '2', c: '3' })
  })

  test('somebody who always is quicker wins after three repeats, and we say so', async () => {
    const xapi = new FakeXapi()
    xapi.meddle = (call) => call.includes('add a') && xapi.map.set('a', 'theirs')
    await expect(new VmFields(xapi).apply('vm', [put('a', '1')], signal)).rejects.toMatchObject({
      code: 'MAP_DUPLICATE_KEY',
    })
    expect(xapi.bursts).toHaveLength(4)
  })

  test('a VM that is gone is told as such, at once', async () => {
    const xapi = new FakeXapi()
    xapi.map.set('a', 'theirs')
    xapi.fail = (call) => (call.includes('b=') ? new XapiFailure('VM.add', ['HANDLE_INVALID', 'VM', 'vm']) : undefined)
    await expect(new VmFields(xapi).apply('vm', [put('a', '1'), put('b', '2')], signal)).rejects.toMatchObject({
      code: 'HANDLE_INVALID',
    })
    expect(xapi.bursts).toHaveLength(1)
  })

  test('a lost answer is passed on: whoever called knows what it means', async () => {
    const xapi = new FakeXapi()
    xapi.fail = () => new Error('connection lost')
    await expect(new VmFields(xapi).apply('vm', [put('a', '1')], signal)).rejects.toThrow('connection lost')
  })
})
