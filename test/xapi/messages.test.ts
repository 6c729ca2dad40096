import { describe, expect, test } from 'vitest'
import { XapiFailure } from '../../src/xapi/errors.ts'
import { XapiMessages } from '../../src/xapi/messages.ts'
import { useSimSession } from './sim-session.ts'

const { sim, state } = useSimSession()
const { signal } = new AbortController()
const TITLE = 'Container Management cannot monitor VM'

describe('messages of a real XAPI’s shape', () => {
  test('are created with priority 3 about the VM, found by VM and title, and destroyed', async () => {
    const vm = sim.pool.createVm({ name: 'a' })
    const other = sim.pool.createVm({ name: 'b' })
    const messages = new XapiMessages(state.session)
    await messages.create(vm.uuid, TITLE, 'No key <x> & "y". Install it', signal)
    await messages.create(vm.uuid, 'ALARM', 'disk', signal)
    await messages.create(other.uuid, TITLE, 'else', signal)
    const found = await messages.find(vm.uuid, TITLE, signal)
    expect(found).toHaveLength(1)
    expect(sim.pool.allMessages().find(({ ref }) => ref === found[0])).toMatchObject({
      name: TITLE,
      priority: '3',
      cls: 'VM',
      objUuid: vm.uuid,
      body: 'No key <x> & "y". Install it',
    })
    await messages.destroy(found[0]!, signal)
    expect(await messages.find(vm.uuid, TITLE, signal)).toEqual([])
    expect(sim.pool.allMessages()).toHaveLength(2)
  })

  test('one that somebody else has destroyed is gone: that is what was wanted', async () => {
    await new XapiMessages(state.session).destroy('OpaqueRef:00000000-0000-0000-0000-000000000000', signal)
  })

  test('about a VM that is gone there is nothing to find and nobody to tell', async () => {
    const messages = new XapiMessages(state.session)
    const gone = '11111111-2222-3333-4444-555555555555'
    await messages.create(gone, TITLE, 'body', signal)
    expect(await messages.find(gone, TITLE, signal)).toEqual([])
  })

  test('where XAPI does not choose by VM, all are read', async () => {
    const call = async (method: string) => {
      if (method === 'message.get') throw new XapiFailure(method, ['MESSAGE_METHOD_UNKNOWN', method])
      return { a: { name: TITLE, obj_uuid: 'u' }, b: { name: TITLE, obj_uuid: 'v' }, c: { name: 'x', obj_uuid: 'u' } }
    }
    expect(await new XapiMessages({ call }).find('u', TITLE, signal)).toEqual(['a'])
  })

  test('where XAPI lets nobody look, those that were made are remembered, and told from others', async () => {
    const calls: string[] = []
    const call = async (method: string, params: readonly unknown[]) => {
      calls.push(`${method} ${String(params[0])}`)
      if (method.startsWith('message.get')) throw new XapiFailure(method, ['MESSAGE_METHOD_UNKNOWN', method])
      return `OpaqueRef:${calls.length}`
    }
    const messages = new XapiMessages({ call })
    expect(await messages.find('u', TITLE, signal)).toEqual([])
    await messages.create('u', TITLE, 'body', signal)
    await messages.create('u', 'never looked for', 'body', signal)
    const found = await messages.find('u', TITLE, signal)
    expect([found, await messages.find('v', TITLE, signal)]).toEqual([['OpaqueRef:3'], []])
    expect(await messages.find('u', 'never looked for', signal)).toEqual([])
    await messages.destroy(found[0]!, signal)
    expect(calls).toContain('message.destroy OpaqueRef:3')
    expect(await messages.find('u', TITLE, signal)).toEqual([])
  })

  test('other failures are not swallowed', async () => {
    await sim.coordinator.faults.refuse()
    const messages = new XapiMessages(state.session)
    await expect(messages.find('u', TITLE, signal)).rejects.toThrow('did not answer')
    await expect(messages.create('u', TITLE, 'b', signal)).rejects.toThrow('did not answer')
    await expect(messages.destroy('r', signal)).rejects.toThrow('did not answer')
  })

  test.each([undefined, 'text', [], { ref: 'x' }, { ref: { name: 5 } }])(
    'an odd answer finds nothing: %j',
    async (odd) => {
      expect(await new XapiMessages({ call: async () => odd }).find('u', TITLE, signal)).toEqual([])
    },
  )
})
