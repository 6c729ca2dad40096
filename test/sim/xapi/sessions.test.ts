import { describe, expect, test } from 'vitest'

import { useTestPool } from './test-pool.ts'
import { plain } from './wire-client.ts'

const sim = useTestPool()

describe('login on a local socket', () => {
  test('takes any name and password; version and originator may be left out', async () => {
    for (const params of [
      ['a', 'b'],
      ['a', 'b', '1.0'],
      ['root', '', '1.0', 'x'],
    ]) {
      const session = await sim.client.text('session.login_with_password', ...params)
      const record = plain(await sim.client.call('session.get_record', session, session))
      expect(record).toMatchObject({ originator: params[3] ?? '', is_local_superuser: true, pool: false })
    }
    const tooFew = sim.client.call('session.login_with_password', 'root')
    await expect(tooFew).rejects.toThrow('MESSAGE_PARAMETER_COUNT_MISMATCH|session.login_with_password|4|1')
  })

  test('this_host is the host of the socket, the session is good on every host', async () => {
    const member = sim.connect(sim.member)
    const session = await member.login()
    expect(await sim.client.text('session.get_this_host', session, session)).toBe(sim.member.ref)
    expect(await member.text('session.get_this_host', sim.session, sim.session)).toBe(sim.coordinator.ref)
  })

  test('logout ends it', async () => {
    const session = await sim.client.login()
    await sim.client.call('session.logout', session)
    await expect(sim.client.call('VM.get_all', session)).rejects.toThrow(`SESSION_INVALID|${session}`)
  })
})

describe('sessions are counted by originator', () => {
  test.each([
    ['leaky', 500],
    ['', 400],
  ])('%j may have %i, then the least recently active go', async (originator, most) => {
    const first = await sim.client.login(originator)
    sim.pool.db.set(sim.pool.db.row('session', first), 'last_active', '20200101T00:00:00Z')
    for (let i = 0; i < most + 2; i++) sim.pool.sessions.login(sim.coordinator.ref, originator)
    expect(sim.pool.openSessions()[originator]).toBe(most)
    expect(sim.pool.sessions.exists(first)).toBe(false)
    expect(sim.pool.sessions.exists(sim.session)).toBe(true)
  })
})

describe('secrets', () => {
  test('create, read, change, destroy', async () => {
    const ref = await sim.client.text('secret.create', sim.session, { value: 'v' })
    const uuid = await sim.client.text('secret.get_uuid', sim.session, ref)
    expect(await sim.client.text('secret.get_by_uuid', sim.session, uuid)).toBe(ref)
    await sim.client.call('secret.set_value', sim.session, ref, 'w')
    expect(plain(await sim.client.call('secret.get_record', sim.session, ref))).toEqual({
      uuid,
      value: 'w',
      other_config: {},
    })
    await sim.client.call('secret.destroy', sim.session, ref)
    await expect(sim.client.call('secret.get_value', sim.session, ref)).rejects.toThrow(`HANDLE_INVALID|secret|${ref}`)
  })

  test('a constructor says which field is missing', async () => {
    await expect(sim.client.call('secret.create', sim.session, {})).rejects.toThrow(
      'INTERNAL_ERROR|Server_helpers.Dispatcher_FieldNotFound("value")',
    )
  })
})

describe('messages', () => {
  test('create, get, destroy', async () => {
    const vm = sim.pool.createVm({ name: 'told' })
    const ref = await sim.client.text('message.create', sim.session, 'NAME', '3', 'vm', vm.uuid, 'body')
    const record = plain(await sim.client.call('message.get_record', sim.session, ref))
    expect(record).toMatchObject({ name: 'NAME', priority: '3', cls: 'VM', obj_uuid: vm.uuid, body: 'body' })
    const found = plain(await sim.client.call('message.get', sim.session, 'VM', vm.uuid, '19700101T00:00:00Z'))
    expect(found).toEqual({ [ref]: record })
    const later = plain(await sim.client.call('message.get', sim.session, 'VM', vm.uuid, '20990101T00:00:00Z'))
    expect(later).toEqual({})
    await sim.client.call('message.destroy', sim.session, ref)
    expect(sim.pool.allMessages()).toEqual([])
    await expect(sim.client.call('message.destroy', sim.session, ref)).rejects.toThrow('HANDLE_INVALID|message')
  })

  test('the object must exist, by its uuid; there is no de-duplication', async () => {
    const { ref, uuid } = sim.pool.createVm({ name: 'twice' })
    const create = (object: string) => sim.client.call('message.create', sim.session, 'N', '3', 'VM', object, 'b')
    await expect(create(ref)).rejects.toThrow(`UUID_INVALID|VM|${ref}`)
    expect(await create(uuid)).not.toBe(await create(uuid))
  })

  test('control characters become U+FFFD', async () => {
    const { uuid } = sim.pool.createVm({ name: 'control' })
    const params = [sim.session, 'N', 3, 'VM', uuid, 'a\u0001b']
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'message.create', params })
    expect((await sim.client.post(body, '/jsonrpc'))?.body).toContain('OpaqueRef')
    expect(sim.pool.allMessages()[0]?.body).toBe('a\ufffdb')
  })
})

describe('tasks of Async calls', () => {
  async function finished(task: string): Promise<unknown> {
    for (;;) {
      const record = plain(await sim.client.call('task.get_record', sim.session, task)) as Record<string, unknown>
      if (record.status !== 'pending') return record
    }
  }

  test('result is XML, empty for void', async () => {
    const vm = sim.pool.createVm({ name: 'async', powerState: 'Halted' })
    const started = await sim.client.text('Async.VM.start', sim.session, vm.ref, false, false)
    expect(await finished(started)).toMatchObject({ status: 'success', result: '', error_info: [] })
    expect(sim.pool.record('VM', vm.ref)?.power_state).toBe('Running')
    const snapshot = await finished(await sim.client.text('Async.VM.snapshot', sim.session, vm.ref, 'snap'))
    expect(snapshot).toMatchObject({ result: expect.stringMatching(/^<value>OpaqueRef:[^<]+<\/value>$/) as string })
  })

  test('failures are in error_info', async () => {
    const vm = sim.pool.createVm({ name: 'failing' })
    const task = await sim.client.text('Async.VM.start', sim.session, vm.ref, false, false)
    const error_info = ['VM_BAD_POWER_STATE', vm.ref, 'halted', 'running']
    expect(await finished(task)).toMatchObject({ status: 'failure', error_info, result: '' })
    await sim.client.call('task.destroy', sim.session, task)
    await expect(sim.client.call('task.get_record', sim.session, task)).rejects.toThrow('HANDLE_INVALID|task')
  })
})
