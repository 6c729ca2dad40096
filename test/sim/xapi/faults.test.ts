import { existsSync } from 'node:fs'

import { afterEach, describe, expect, test } from 'vitest'

import { useTestPool } from './test-pool.ts'
import type { WireClient } from './wire-client.ts'
import { methodCall, plain } from './wire-client.ts'

const sim = useTestPool()

afterEach(async () => {
  for (const host of sim.pool.hosts) await host.faults.clear()
})

const ask = (client: WireClient, session = sim.session) => client.call('pool.get_all', session)

/** A session and a connection made just now: earlier ones may be gone. */
async function fresh(host = sim.coordinator) {
  const client = sim.connect(host)
  return { client, session: await client.login() }
}

describe('faults of a host', () => {
  test('refuse: no socket file, connections cut, until it is cleared', async () => {
    const { client, session } = await fresh()
    await sim.coordinator.faults.refuse()
    expect(existsSync(sim.coordinator.socketPath)).toBe(false)
    await expect(ask(client, session)).rejects.toThrow('no answer')
    await expect(ask(sim.connect(), session)).rejects.toThrow('no answer')
    await sim.coordinator.faults.clear()
    expect(await ask(sim.connect(), session)).toHaveLength(1)
  })

  test('hang: accepts, does nothing, and what was asked stays unanswered', async () => {
    const { client, session } = await fresh()
    const { ref } = sim.pool.createVm({ name: 'hang' })
    sim.coordinator.faults.hang()
    const outcome: string[] = []
    const call = client.call('VM.add_to_other_config', session, ref, 'k', 'v').then(
      () => outcome.push('answered'),
      () => outcome.push('cut'),
    )
    await new Promise((resolve) => setTimeout(resolve, 30))
    await sim.coordinator.faults.clear()
    expect(await ask(sim.connect(), session)).toHaveLength(1)
    expect(outcome).toEqual([])
    expect(sim.pool.otherConfig(ref)).not.toHaveProperty('k')
    client.close()
    await call
    expect(outcome).toEqual(['cut'])
  })

  test('http500: HTML', async () => {
    const { client, session } = await fresh()
    sim.coordinator.faults.http500()
    expect(await client.post(methodCall('pool.get_all', [session]))).toMatchObject({ status: 500 })
  })

  test('slow: every answer is late, and comes', async () => {
    const { client, session } = await fresh()
    sim.coordinator.faults.slow(60)
    const order: string[] = []
    const timer = new Promise((resolve) => setTimeout(resolve, 20)).then(() => order.push('timer'))
    await Promise.all([timer, ask(client, session).then(() => order.push('answer'))])
    expect(order).toEqual(['timer', 'answer'])
  })

  test('loseAnswers: carried out, but nobody hears of it', async () => {
    const { client, session } = await fresh()
    const { ref } = sim.pool.createVm({ name: 'lost' })
    sim.coordinator.faults.loseAnswers()
    await expect(client.call('VM.add_to_other_config', session, ref, 'k', 'v')).rejects.toThrow('no answer')
    expect(sim.pool.otherConfig(ref)).toHaveProperty('k', 'v')
  })

  test('dropConnections and dropSessions', async () => {
    const { client, session } = await fresh()
    sim.coordinator.faults.dropConnections()
    await expect(ask(client, session)).rejects.toThrow('no answer')
    expect(await ask(sim.connect(), session)).toHaveLength(1)
    sim.coordinator.faults.dropSessions()
    await expect(ask(sim.connect(), session)).rejects.toThrow('SESSION_INVALID')
  })
})

describe('a member while the coordinator is away', () => {
  test.each(['refuse', 'http500'] as const)('%s there: HTTP failures here', async (fault) => {
    const { client, session } = await fresh(sim.member)
    await sim.coordinator.faults[fault]()
    expect(await client.post(methodCall('pool.get_all', [session]))).toMatchObject({ status: 500 })
  })

  test('hang there: hang here', async () => {
    const { client, session } = await fresh(sim.member)
    sim.coordinator.faults.hang()
    const answer = ask(client, session).then(
      () => 'answered',
      () => 'cut',
    )
    const waited = new Promise((resolve) => setTimeout(resolve, 30, 'waiting'))
    expect(await Promise.race([answer, waited])).toBe('waiting')
    client.close()
  })

  test('a fault of the member does not touch the coordinator', async () => {
    const { client, session } = await fresh()
    sim.member.faults.hang()
    expect(await ask(client, session)).toHaveLength(1)
  })
})

interface Batch {
  readonly events: readonly { readonly operation: string; readonly ref: string }[]
  readonly token: string
  readonly valid_ref_counts: Record<string, number>
}

async function vmEvents(client: WireClient, session: string, token: string, timeout = 0): Promise<Batch> {
  return plain(await client.call('event.from', session, ['VM'], token, timeout)) as Batch
}

describe('restarts', () => {
  test('sessions and waiters are gone; an old token adds every object and misses deletions', async () => {
    const { client, session } = await fresh()
    const doomed = sim.pool.createVm({ name: 'doomed' })
    const kept = sim.pool.createVm({ name: 'kept', otherConfig: { k: 'v' } })
    const { token } = await vmEvents(client, session, '')
    const blocked = vmEvents(client, session, token, 30)
    while (sim.pool.blocked < 1) await new Promise((resolve) => setTimeout(resolve, 1))
    const restarted = sim.pool.restart(10)
    await expect(blocked).rejects.toThrow('no answer')
    sim.pool.destroyVm(doomed)
    await restarted
    const after = sim.connect()
    await expect(ask(after, session)).rejects.toThrow('SESSION_INVALID')
    const batch = await vmEvents(after, await after.login(), token)
    expect(new Set(batch.events.map((event) => event.operation))).toEqual(new Set(['add']))
    expect(batch.events.map((event) => event.ref)).toContain(kept.ref)
    expect(batch.events).toHaveLength(batch.valid_ref_counts.vm ?? 0)
    expect(sim.pool.otherConfig(kept)).toHaveProperty('k', 'v')
  })

  test('after a crash recent writes are lost, and a token of the future reports nothing until it is reached', async () => {
    const { client, session } = await fresh()
    const vm = sim.pool.createVm({ name: 'crash', otherConfig: { old: '1' } })
    sim.pool.flush()
    for (const key of ['a', 'b', 'c', 'd', 'e', 'f']) sim.pool.setOtherConfigKey(vm, key, '1')
    const { token } = await vmEvents(client, session, '')
    await sim.pool.crashRestart(10)
    const again = await fresh()
    expect(sim.pool.otherConfig(vm)).toHaveProperty('old')
    expect(sim.pool.otherConfig(vm)).not.toHaveProperty('a')
    sim.pool.setOtherConfigKey(vm, 'x', '1')
    expect(await vmEvents(again.client, again.session, token)).toMatchObject({ events: [], token })
    for (const value of ['2', '3', '4', '5', '6', '7', '8', '9']) sim.pool.setOtherConfigKey(vm, 'x', value)
    expect((await vmEvents(again.client, again.session, token)).events).toHaveLength(1)
  })

  test('another coordinator: sessions are gone, the pool names it, its former one is a member', async () => {
    const { session } = await fresh()
    await sim.pool.changeCoordinator(sim.member, 10)
    const { client, session: renewed } = await fresh()
    await expect(ask(client, session)).rejects.toThrow('SESSION_INVALID')
    expect(await client.text('pool.get_master', renewed, sim.pool.objects.pool)).toBe(sim.member.ref)
    await sim.member.faults.refuse()
    expect(await client.post(methodCall('pool.get_all', [renewed]))).toMatchObject({ status: 500 })
    await sim.member.faults.clear()
    await sim.pool.changeCoordinator(sim.coordinator, 10)
  })
})

describe('statistics', () => {
  test('count calls by method and host, writes, bytes of event answers, and who was there', async () => {
    const { client, session } = await fresh(sim.member)
    const { ref } = sim.pool.createVm({ name: 'counted' })
    sim.pool.stats.reset()
    const writes: unknown[] = []
    const stop = sim.pool.onWrite((write) => writes.push({ ...write, time: 0 }))
    await client.post(methodCall('pool.get_all', [session]), '/', 'user-agent: tester/1\r\n')
    await client.call('VM.add_to_other_config', session, ref, 'k', 'v')
    await client.call('VM.remove_from_other_config', session, ref, 'k')
    await expect(client.call('VM.add_to_other_config', session, 'gone', 'k', 'v')).rejects.toThrow()
    const batch = await client.post(methodCall('event.from', [session, ['pool'], '', 0]))
    stop()
    await client.call('VM.set_name_label', session, ref, 'new')
    const { stats } = sim.pool
    expect(stats.calls).toEqual({
      'pool.get_all': 1,
      'VM.add_to_other_config': 2,
      'VM.remove_from_other_config': 1,
      'VM.set_name_label': 1,
      'event.from': 1,
    })
    expect(stats.callsByHost).toEqual({ 1: stats.calls })
    expect(stats).toMatchObject({ writes: 3, totalCalls: 6, failures: { HANDLE_INVALID: 1 }, eventAnswers: 1 })
    expect(stats.eventBytes).toBe(batch?.body.length)
    expect(stats.userAgents).toContain('tester/1')
    const common = { time: 0, ref, key: 'k', host: 1, originator: 'test' }
    expect(writes).toEqual([
      { ...common, method: 'VM.add_to_other_config', value: 'v' },
      { ...common, method: 'VM.remove_from_other_config', value: '' },
    ])
    expect(sim.pool.openSessions()).toHaveProperty('test')
    stats.reset()
    expect(stats.totalCalls).toBe(0)
  })
})
