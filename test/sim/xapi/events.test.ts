import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { Database } from './database.ts'
import { loadDataModel } from './data-model.ts'
import { collect } from './event-collect.ts'
import { Messages } from './messages.ts'
import { parseSubscription } from './subscription.ts'
import { useTestPool } from './test-pool.ts'
import { methodCall, plain, type WireClient } from './wire-client.ts'

/** The snapshot is taken at the very write that wakes, and a look after an empty wake is late: what is seen is certain. */
const timing = { beforeMs: 50, answerMs: 3, againMs: [100], snapshotMs: () => 0 }
const sim = useTestPool({ timing })

interface Event {
  readonly id: string
  readonly timestamp: string
  readonly class: string
  readonly operation: string
  readonly ref: string
  readonly snapshot?: Record<string, unknown>
}

interface Batch {
  readonly events: readonly Event[]
  readonly valid_ref_counts: Record<string, number>
  readonly token: string
}

let watcher: WireClient
beforeEach(() => {
  watcher = sim.connect()
})
afterEach(() => watcher.close())

async function from(classes: readonly string[], token: string, timeout: number | string = 0): Promise<Batch> {
  return plain(await watcher.call('event.from', sim.session, classes, token, timeout)) as Batch
}

async function tokenNow(classes: readonly string[]): Promise<string> {
  return (await from(classes, '')).token
}

/** What happened, without the snapshots: `mod vm <ref>`. */
function kinds(batch: Batch): string[] {
  return batch.events.map((event) => `${event.operation} ${event.class} ${event.ref}`)
}

/** Resolves once so many calls of event.from are blocked. */
async function untilBlocked(count: number): Promise<void> {
  while (sim.pool.blocked < count) await new Promise((resolve) => setTimeout(resolve, 1))
}

describe('the answer', () => {
  test('"" adds every object; the token is two numbers of 20 digits', async () => {
    const { ref } = sim.pool.createVm({ name: 'add' })
    const batch = await from(['VM'], '')
    expect(new Set(batch.events.map((event) => event.operation))).toEqual(new Set(['add']))
    expect(batch.events).toHaveLength(sim.pool.db.table('VM').rows.size)
    const event = batch.events.find((candidate) => candidate.ref === ref)
    expect(event).toMatchObject({ class: 'vm', timestamp: '0.0' })
    expect(event?.id).toMatch(/^\d+$/)
    expect(event?.snapshot).toEqual(plain(await sim.client.call('VM.get_record', sim.session, ref)))
    expect(batch.token).toMatch(/^\d{20},\d{20}$/)
  })

  test('valid_ref_counts are real integers of all classes; message is always 0', async () => {
    await sim.client.call('message.create', sim.session, 'n', '3', 'Pool', poolUuid(), 'b')
    const body = (await watcher.post(methodCall('event.from', [sim.session, ['pool'], '', 0.1])))?.body
    expect(body).toContain('<member><name>host</name><value><i4>2</i4></value></member>')
    expect(body).toContain('<member><name>message</name><value><i4>0</i4></value></member>')
    expect(body).toContain('<member><name>vm_guest_metrics</name><value><i4>')
    expect(body).toContain('<member><name>session</name><value><i4>')
  })

  test.each([1, '1', '0.5', -5])('the timeout may be %j', async (timeout) => {
    expect((await from(['pool'], '', timeout)).events).toHaveLength(1)
  })

  test('a token that cannot be parsed', async () => {
    await expect(from(['VM'], 'nonsense')).rejects.toThrow('EVENT_FROM_TOKEN_PARSE_FAILURE|nonsense')
  })

  test('without events: empty at the timeout, with the old token unless something matched', async () => {
    const token = await tokenNow(['VM'])
    sim.pool.setMapKey('pool', sim.pool.objects.pool, 'other_config', 'k', 'not of a VM')
    expect(await from(['VM'], token)).toMatchObject({ events: [], token })
    const created = sim.pool.createVm({ name: 'ephemeral', vifs: [] })
    sim.pool.destroyVm(created)
    const batch = await from([`VM/${created.ref}`], token)
    expect(batch.events).toEqual([])
    expect(batch.token > token).toBe(true)
  })
})

describe('subscriptions', () => {
  test('class names in any letter case; unknown ones never match', async () => {
    expect((await from(['PoOl', 'no_such'], '')).events).toHaveLength(1)
    expect((await from(['no_such'], '')).events).toHaveLength(0)
  })

  test('one object', async () => {
    const a = sim.pool.createVm({ name: 'a' })
    const b = sim.pool.createVm({ name: 'b' })
    const { token, events } = await from([`vm/${a.ref}`], '')
    expect(events).toHaveLength(1)
    sim.pool.setOtherConfigKey(b, 'x', '1')
    expect((await from([`VM/${a.ref}`], token)).events).toEqual([])
    sim.pool.setOtherConfigKey(a, 'x', '1')
    expect(kinds(await from([`VM/${a.ref}`], token))).toEqual([`mod vm ${a.ref}`])
  })

  test('* is everything but sessions, secrets and users', async () => {
    await sim.client.call('secret.create', sim.session, { value: 'v' })
    const classes = new Set((await from(['*'], '')).events.map((event) => event.class))
    expect(classes).toContain('host_metrics')
    expect(classes).toContain('vm')
    expect(classes).not.toContain('secret')
    expect(classes).not.toContain('session')
    expect((await from(['secret', 'session'], '')).events).toEqual([])
  })
})

describe('a difference of states', () => {
  test('many writes are one mod, with the record as it is now; the token may be used again', async () => {
    const { ref } = sim.pool.createVm({ name: 'many' })
    const token = await tokenNow(['VM'])
    for (const value of ['1', '2', '3']) sim.pool.setOtherConfigKey(ref, 'k', value)
    for (let again = 0; again < 2; again++) {
      const batch = await from(['VM'], token)
      expect(kinds(batch)).toEqual([`mod vm ${ref}`])
      expect(batch.events[0]?.snapshot?.other_config).toMatchObject({ k: '3' })
    }
  })

  test('created: add; created and deleted: nothing; deleted: del without snapshot', async () => {
    const old = sim.pool.createVm({ name: 'old' })
    const token = await tokenNow(['VM'])
    const fresh = sim.pool.createVm({ name: 'fresh' })
    sim.pool.setOtherConfigKey(fresh, 'k', '1')
    sim.pool.destroyVm(sim.pool.createVm({ name: 'gone' }))
    sim.pool.destroyVm(old)
    const batch = await from(['VM'], token)
    expect(kinds(batch)).toEqual([`add vm ${fresh.ref}`, `del vm ${old.ref}`])
    expect(batch.events[1]).not.toHaveProperty('snapshot')
  })

  test('messages, then adds, mods, dels', async () => {
    const a = sim.pool.createVm({ name: 'a' })
    const b = sim.pool.createVm({ name: 'b' })
    const token = await tokenNow(['VM', 'message'])
    sim.pool.destroyVm(a)
    sim.pool.setOtherConfigKey(b, 'k', '1')
    const c = sim.pool.createVm({ name: 'c' })
    const message = await sim.client.text('message.create', sim.session, 'n', '3', 'VM', b.uuid, 'body')
    const batch = await from(['VM', 'message'], token)
    expect(kinds(batch)).toEqual([`add message ${message}`, `add vm ${c.ref}`, `mod vm ${b.ref}`, `del vm ${a.ref}`])
    expect(batch.events[0]).toMatchObject({ id: '0', snapshot: { name: 'n', priority: '3', cls: 'VM', body: 'body' } })
    await sim.client.call('message.destroy', sim.session, message)
    expect(kinds(await from(['message'], batch.token))).toEqual([`del message ${message}`])
  })

  test('a write of the same value is none; another order of a map is one', async () => {
    const { ref } = sim.pool.createVm({ name: 'same' })
    await sim.client.call('VM.set_other_config', sim.session, ref, { a: '1', b: '2' })
    const token = await tokenNow(['VM'])
    await sim.client.call('VM.set_other_config', sim.session, ref, { a: '1', b: '2' })
    await sim.client.call('VM.remove_from_other_config', sim.session, ref, 'absent')
    expect(await from(['VM'], token)).toMatchObject({ events: [], token })
    await sim.client.call('VM.set_other_config', sim.session, ref, { b: '2', a: '1' })
    expect(kinds(await from(['VM'], token))).toEqual([`mod vm ${ref}`])
  })
})

describe('objects that others refer to', () => {
  test('a migration is a mod of the VM and of both hosts', async () => {
    const vm = sim.pool.createVm({ name: 'mover', host: sim.coordinator })
    const token = await tokenNow(['VM', 'host'])
    sim.pool.migrate(vm, sim.member)
    const batch = await from(['VM', 'host'], token)
    expect(new Set(kinds(batch))).toEqual(
      new Set([`mod vm ${vm.ref}`, `mod host ${sim.coordinator.ref}`, `mod host ${sim.member.ref}`]),
    )
    const snapshot = batch.events.find((event) => event.class === 'vm')?.snapshot
    expect(snapshot).toMatchObject({ power_state: 'Running', resident_on: sim.member.ref })
  })

  test('a new VIF is a mod of its VM and network', async () => {
    const vm = sim.pool.createVm({ name: 'vif', vifs: [] })
    const token = await tokenNow(['VM', 'network', 'VIF'])
    const struct = {
      device: '0',
      network: sim.pool.objects.network,
      VM: vm.ref,
      MAC: '',
      MTU: '1500',
      qos_algorithm_type: '',
    }
    const maps =
      '<member><name>other_config</name><value><struct/></value></member><member><name>qos_algorithm_params</name><value><struct/></value></member>'
    const body = methodCall('VIF.create', [sim.session, struct]).replace('</struct>', `${maps}</struct>`)
    expect((await sim.client.post(body))?.body).toContain('Success')
    const [vif = ''] = sim.pool.record('VM', vm.ref)?.VIFs as string[]
    expect(new Set(kinds(await from(['VM', 'network', 'VIF'], token)))).toEqual(
      new Set([`add vif ${vif}`, `mod vm ${vm.ref}`, `mod network ${sim.pool.objects.network}`]),
    )
  })

  test('a change of address is an event of the guest metrics only', async () => {
    const vm = sim.pool.createVm({ name: 'addresses', networks: { '0/ip': '10.0.0.1' } })
    const metrics = sim.pool.db.row('VM', vm.ref).text('guest_metrics')
    const token = await tokenNow(['VM', 'VM_guest_metrics'])
    sim.pool.setAddresses(vm, { '0/ip': '10.0.0.2' })
    const batch = await from(['VM', 'VM_guest_metrics'], token)
    expect(kinds(batch)).toEqual([`mod vm_guest_metrics ${metrics}`])
    expect(batch.events[0]?.snapshot?.networks).toEqual({ '0/ip': '10.0.0.2' })
  })

  test('a start replaces the guest metrics, a stop keeps them', async () => {
    const vm = sim.pool.createVm({ name: 'cycle', networks: { '0/ip': '10.0.0.1' } })
    const before = sim.pool.db.row('VM', vm.ref).text('guest_metrics')
    sim.pool.setPower(vm, 'Halted')
    expect(sim.pool.record('VM', vm.ref)).toMatchObject({
      guest_metrics: before,
      resident_on: 'OpaqueRef:NULL',
      domid: -1,
    })
    sim.pool.setPower(vm, 'Running')
    const after = sim.pool.db.row('VM', vm.ref).text('guest_metrics')
    expect(after).not.toBe(before)
    expect(sim.pool.record('VM_guest_metrics', before)).toBeUndefined()
    expect(sim.pool.record('VM_guest_metrics', after)?.networks).toEqual({ '0/ip': '10.0.0.1' })
  })
})

describe('losses', () => {
  test.each([
    [511, 511],
    [512, 256],
  ])('of %i deletions in a row %i are remembered', (deleted, remembered) => {
    const db = new Database(loadDataModel())
    const rows = Array.from({ length: deleted }, () => db.create('VDI', {}))
    const since = { database: db.generation, messages: 0 }
    for (const row of rows) db.remove(row)
    const { dels } = collect(db, new Messages(() => {}), parseSubscription(['VDI']), since)
    expect(dels.map((del) => del.ref)).toEqual(rows.slice(-remembered).map((row) => row.ref))
  })
})

describe('waiting', () => {
  test('a blocked call is answered by the first matching write, and can be shown the state between two', async () => {
    const { ref } = sim.pool.createVm({ name: 'gap', otherConfig: { k: '1' } })
    const token = await tokenNow(['VM'])
    const blocked = from(['VM'], token, 30)
    await untilBlocked(1)
    await Promise.all([
      sim.client.call('VM.remove_from_other_config', sim.session, ref, 'k'),
      sim.client.call('VM.add_to_other_config', sim.session, ref, 'k', '2'),
    ])
    const batch = await blocked
    expect(batch.events[0]?.snapshot?.other_config).not.toHaveProperty('k')
    const next = await from(['VM'], batch.token, 30)
    expect(next.events[0]?.snapshot?.other_config).toMatchObject({ k: '2' })
  })

  test('a call that has just begun waits and then sees only the latest state', async () => {
    const { ref } = sim.pool.createVm({ name: 'delay', otherConfig: { k: '1' } })
    const token = await tokenNow(['VM'])
    const waiting = from(['VM'], token, 30)
    while (sim.pool.waiting < 1) await new Promise((resolve) => setImmediate(resolve))
    expect(sim.pool.blocked).toBe(0)
    sim.pool.setOtherConfigKey(ref, 'k', undefined)
    sim.pool.setOtherConfigKey(ref, 'k', '2')
    expect((await waiting).events[0]?.snapshot?.other_config).toMatchObject({ k: '2' })
  })

  /** Replaces a key by two requests sent at once: only a call answered by the first write sees the gap. */
  const replaceKey = (ref: string, value: string) =>
    Promise.all([
      sim.client.call('VM.remove_from_other_config', sim.session, ref, 'k'),
      sim.client.call('VM.add_to_other_config', sim.session, ref, 'k', value),
    ])

  test('writes to other classes and objects do not wake it', async () => {
    const vm = sim.pool.createVm({ name: 'quiet', otherConfig: { k: '1' } })
    const blocked = from([`VM/${vm.ref}`], await tokenNow([`VM/${vm.ref}`]), 30)
    await untilBlocked(1)
    sim.pool.setMapKey('pool', sim.pool.objects.pool, 'other_config', 'k', 'of the pool')
    sim.pool.createVm({ name: 'other' })
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(sim.pool.blocked).toBe(1)
    await replaceKey(vm.ref, '2')
    const batch = await blocked
    expect(kinds(batch)).toEqual([`mod vm ${vm.ref}`])
    expect(batch.events[0]?.snapshot?.other_config).not.toHaveProperty('k')
  })

  test('after a wake that brought nothing the next one looks a little later', async () => {
    const vm = sim.pool.createVm({ name: 'later', otherConfig: { k: '1' } })
    const blocked = from(['VM'], await tokenNow(['VM']), 30)
    await untilBlocked(1)
    sim.pool.destroyVm(sim.pool.createVm({ name: 'ephemeral', vifs: [] }))
    await new Promise((resolve) => setTimeout(resolve, 10))
    await untilBlocked(1)
    await replaceKey(vm.ref, '2')
    expect((await blocked).events[0]?.snapshot?.other_config).toMatchObject({ k: '2' })
  })

  test('ends with SESSION_INVALID when its session is destroyed', async () => {
    const session = await sim.client.login('short')
    const blocked = watcher.call('event.from', session, ['task'], await tokenNow(['task']), 30)
    await untilBlocked(1)
    await sim.client.call('session.logout', session)
    await expect(blocked).rejects.toThrow(`SESSION_INVALID|${session}`)
  })

  test('goes on after its client went away', async () => {
    const client = sim.connect()
    const token = await tokenNow(['VM'])
    const gone = client.call('event.from', sim.session, ['VM'], token, 0.3)
    await untilBlocked(1)
    client.close()
    await expect(gone).rejects.toThrow('no answer')
    expect(sim.pool.blocked).toBe(1)
  })
})

function poolUuid(): string {
  return sim.pool.db.row('pool', sim.pool.objects.pool).text('uuid')
}
