import { describe, expect, test } from 'vitest'

import { useTestPool } from './test-pool.ts'

const sim = useTestPool()

async function json(request: unknown): Promise<Record<string, unknown>> {
  const text = typeof request === 'string' ? request : JSON.stringify(request)
  const answer = await sim.client.post(text, '/jsonrpc')
  expect(answer?.status).toBe(200)
  return JSON.parse(answer?.body ?? '') as Record<string, unknown>
}

const v2 = (method: string, ...params: unknown[]) => ({ jsonrpc: '2.0', id: 'x', method, params })

describe('envelopes', () => {
  test('version 2', async () => {
    const [ref = ''] = sim.pool.db.table('pool').rows.keys()
    expect(await json(v2('pool.get_all', sim.session))).toEqual({ jsonrpc: '2.0', id: 'x', result: [ref] })
    expect(await json(v2('VM.get_uuid', sim.session, 'gone'))).toEqual({
      jsonrpc: '2.0',
      id: 'x',
      error: { code: 1, message: 'HANDLE_INVALID', data: ['VM', 'gone'] },
    })
  })

  test('version 1', async () => {
    const [ref = ''] = sim.pool.db.table('pool').rows.keys()
    const ok = await json({ id: 7, method: 'pool.get_all', params: [sim.session] })
    expect(ok).toEqual({ id: 7, result: [ref], error: null })
    const failed = await json({ id: 7, method: 'VM.get_uuid', params: [sim.session, 'gone'] })
    expect(failed).toEqual({ id: 7, result: null, error: ['HANDLE_INVALID', 'VM', 'gone'] })
  })

  test.each([
    ['an id that is null', '{"jsonrpc":"2.0","id":null,"method":"pool.get_all","params":[]}'],
    ['no id', '{"jsonrpc":"2.0","method":"pool.get_all","params":[]}'],
    ['a fractional id', '{"id":1.5,"method":"pool.get_all","params":[]}'],
    ['malformed JSON', '{'],
    ['no method', '{"id":1,"params":[]}'],
    ['another version', '{"jsonrpc":"3.0","id":1,"method":"pool.get_all","params":[]}'],
  ])('%s is HTTP 500', async (_, body) => {
    expect((await sim.connect().post(body, '/jsonrpc'))?.status).toBe(500)
  })

  test('invalid UTF-8: HTTP 200, a version 2 envelope around a version 1 error', async () => {
    const body = Buffer.concat([Buffer.from('{"id":"'), Buffer.from([0xff]), Buffer.from('"}')])
    const answer = await sim.client.post(body, '/jsonrpc')
    expect(answer?.status).toBe(200)
    expect(JSON.parse(answer?.body ?? '')).toMatchObject({
      jsonrpc: '2.0',
      error: ['INTERNAL_ERROR', expect.any(String)],
    })
  })
})

test('ints and floats are numbers, dates strings, maps objects', async () => {
  const { ref } = sim.pool.createVm({ name: 'json' })
  const { result } = await json(v2('VM.get_record', sim.session, ref))
  expect(result).toMatchObject({
    VCPUs_max: 2,
    HVM_shadow_multiplier: 1,
    is_a_template: false,
    snapshot_time: '19700101T00:00:00Z',
    tags: [],
    HVM_boot_params: { order: 'cdn' },
  })
})

describe('illegal characters', () => {
  test('add_to cuts at the first, silently', async () => {
    const { ref } = sim.pool.createVm({ name: 'cut' })
    expect(await json(v2('VM.add_to_other_config', sim.session, ref, 'k', 'ab\u0001cd'))).toHaveProperty('result', '')
    expect(sim.pool.otherConfig(ref).k).toBe('ab')
  })

  test('set refuses and writes nothing', async () => {
    const { ref } = sim.pool.createVm({ name: 'refuse' })
    const before = sim.pool.otherConfig(ref)
    const answer = await json(v2('VM.set_other_config', sim.session, ref, { a: 'b', c: '\u001f' }))
    expect(answer).toMatchObject({ error: { message: 'INTERNAL_ERROR' } })
    expect(await json(v2('VM.set_other_config', sim.session, ref, { '': 'b' }))).toHaveProperty('error')
    expect(await json(v2('VM.set_name_label', sim.session, ref, 'x\u0000'))).toHaveProperty('error')
    expect(sim.pool.otherConfig(ref)).toEqual(before)
    expect(sim.pool.record('VM', ref)?.name_label).toBe('refuse')
  })

  test('create cuts', async () => {
    const { result } = await json(v2('secret.create', sim.session, { value: 'top\u0002secret' }))
    expect(await json(v2('secret.get_value', sim.session, result))).toHaveProperty('result', 'top')
  })

  test('U+FFFE, U+007F and astral characters are stored', async () => {
    const { ref } = sim.pool.createVm({ name: 'odd' })
    await json(v2('VM.add_to_other_config', sim.session, ref, 'k', '\ufffe\u007f\u{1f600}'))
    expect(sim.pool.otherConfig(ref).k).toBe('\ufffe\u007f\u{1f600}')
  })
})

test('event.from over JSON', async () => {
  const { result } = await json(v2('event.from', sim.session, ['pool'], '', 1))
  expect(result).toMatchObject({
    events: [{ class: 'pool', operation: 'add', timestamp: '0.0', snapshot: { master: sim.coordinator.ref } }],
    valid_ref_counts: { pool: 1 },
  })
})
