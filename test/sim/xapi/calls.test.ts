import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { SimPool } from './sim-pool.ts'
import { plain, WireClient } from './wire-client.ts'

const dir = mkdtempSync(join(tmpdir(), 'sim-'))
let pool: SimPool
let client: WireClient
let session = ''

beforeAll(async () => {
  pool = await SimPool.start({ hosts: 2, dir })
  client = new WireClient(pool.hosts[0]?.socketPath ?? '')
  session = await client.login()
})

afterAll(async () => {
  client.close()
  await pool.stop()
  rmSync(dir, { recursive: true })
})

describe('files of a host', () => {
  test('the socket is in a directory of its own that only root may enter', () => {
    for (const host of pool.hosts) expect(statSync(dirname(host.socketPath)).mode & 0o777).toBe(0o700)
  })

  test('the inventory names the host', async () => {
    const [first, second] = pool.hosts
    const uuid = /^INSTALLATION_UUID='(.*)'$/m.exec(readFileSync(second?.inventoryPath ?? '', 'utf8'))?.[1]
    expect(await client.call('host.get_by_uuid', session, uuid ?? '')).toBe(second?.ref)
    expect(uuid).not.toBe(first?.uuid)
  })
})

describe('order of checks', () => {
  const cases: readonly (readonly [string, readonly string[], string])[] = [
    ['VM.no_such', ['bad'], 'SESSION_INVALID|bad'],
    ['Host.get_all', ['S'], 'MESSAGE_METHOD_UNKNOWN|Host.get_all'],
    ['VM.set_power_state', ['S', 'x', 'Running'], 'MESSAGE_METHOD_UNKNOWN|VM.set_power_state'],
    ['VM.get_uuid', ['bad'], 'MESSAGE_PARAMETER_COUNT_MISMATCH|VM.get_uuid|1|0'],
    ['VM.get_all', ['bad', 'x', 'y'], 'MESSAGE_PARAMETER_COUNT_MISMATCH|VM.get_all|0|2'],
    ['VM.set_tags', ['bad', 'ref', 'no set'], 'INTERNAL_ERROR|Rpc.Runtime_error: expecting set'],
    ['VM.get_uuid', ['bad', 'OpaqueRef:none'], 'SESSION_INVALID|bad'],
    ['VM.get_uuid', ['S', 'OpaqueRef:none'], 'HANDLE_INVALID|VM|OpaqueRef:none'],
    ['VM.get_by_uuid', ['S', 'none'], 'UUID_INVALID|VM|none'],
    ['Async.session.logout', ['S'], 'MESSAGE_METHOD_UNKNOWN|Async.session.logout'],
    ['Async.VM.get_uuid', ['S', 'x'], 'MESSAGE_METHOD_UNKNOWN|Async.VM.get_uuid'],
    ['Async.VM.add_to_other_config', ['S', 'x', 'k', 'v'], 'MESSAGE_METHOD_UNKNOWN|Async.VM.add_to_other_config'],
  ]
  test.each(cases)('%s%j fails with %s', async (method, params, failure) => {
    const call = client.call(method, ...params.map((param) => (param === 'S' ? session : param)))
    await expect(call).rejects.toThrow(failure)
  })
})

describe('records', () => {
  test('have every field of the data model, and the size of a real one', async () => {
    const vm = pool.createVm({ name: 'big', networks: { '0/ip': '10.0.0.1' } })
    const record = plain(await client.call('VM.get_record', session, vm.ref)) as Record<string, unknown>
    expect(Object.keys(record)).toHaveLength(90)
    expect(record).toMatchObject({ uuid: vm.uuid, power_state: 'Running', is_a_template: false, VCPUs_max: '2' })
    const answer = await client.post(
      `<methodCall><methodName>VM.get_record</methodName><params><param><value>${session}</value></param><param><value>${vm.ref}</value></param></params></methodCall>`,
    )
    expect(answer?.body.length).toBeGreaterThan(9_000)
    expect(answer?.body.length).toBeLessThan(12_000)
  })

  test('get_all_records lists newest objects first', async () => {
    const older = pool.createVm({ name: 'older' })
    const newer = pool.createVm({ name: 'newer' })
    const refs = Object.keys(plain(await client.call('VM.get_all_records', session)) as object)
    expect(refs.slice(0, 2)).toEqual([newer.ref, older.ref])
    expect(await client.call('VM.get_all', session)).toEqual(refs)
  })

  test('both spellings of a method work', async () => {
    const [ref = ''] = (await client.call('pool.get_all', session)) as string[]
    expect(await client.call('pool_get_uuid', session, ref)).toBe(await client.call('pool.get_uuid', session, ref))
  })
})

describe('get_all_records_where', () => {
  const all: readonly (readonly [string, readonly string[]])[] = [
    ['field "name__label" = "where-a"', ['where-a']],
    ['field "power_state" = "Halted" and field "name__label" = "where-b"', ['where-b']],
    [
      '(field "name__label" = "where-a" or field "name__label" = "where-b") and not field "power_state" = "Running"',
      ['where-b'],
    ],
    ['not (true) or false', []],
    [
      'field "is_control_domain" = "true"',
      ['Control domain on host: sim-host-2', 'Control domain on host: sim-host-1'],
    ],
    ['"x" = "x" and field "name__label" = "where-a"', ['where-a']],
  ]
  beforeAll(() => {
    pool.createVm({ name: 'where-a' })
    pool.createVm({ name: 'where-b', powerState: 'Halted' })
  })
  test.each(all)('%s', async (expression, names) => {
    const records = plain(await client.call('VM.get_all_records_where', session, expression)) as Record<
      string,
      { name_label: string }
    >
    expect(Object.values(records).map((record) => record.name_label)).toEqual(names)
    expect(await client.call('VM.get_all_where', session, expression)).toEqual(Object.keys(records))
  })

  test.each([
    ['field "no_such" = "x"', 'INTERNAL_ERROR|missing field|no_such|'],
    ['field "name_label" = "x"', 'INTERNAL_ERROR|missing field|name_label|'],
    ['field name__label = "x"', 'INVALID_VALUE'],
    ['true true', 'INVALID_VALUE'],
    ['(true', 'INVALID_VALUE'],
    ["field 'x' = 'y'", 'INVALID_VALUE'],
    ['', 'INVALID_VALUE'],
  ])('%s fails', async (expression, failure) => {
    await expect(client.call('VM.get_all_where', session, expression)).rejects.toThrow(failure)
  })
})

describe('maps and sets', () => {
  test('add_to fails on a key that is there, even with the same value; remove_from of an absent key does not', async () => {
    const { ref } = pool.createVm({ name: 'maps' })
    await client.call('VM.add_to_other_config', session, ref, 'k', 'v')
    const again = client.call('VM.add_to_other_config', session, ref, 'k', 'v')
    await expect(again).rejects.toThrow(`MAP_DUPLICATE_KEY|VM|other_config|${ref}|k`)
    await client.call('VM.remove_from_other_config', session, ref, 'absent')
    await client.call('VM.remove_from_other_config', session, ref, 'k')
    expect(pool.otherConfig(ref)).not.toHaveProperty('k')
    expect(pool.otherConfig(ref)).toHaveProperty('mac_seed')
    await expect(client.call('VM.add_to_other_config', session, ref, '', 'v')).rejects.toThrow('INTERNAL_ERROR')
  })

  test('set replaces all, keeps duplicate keys, and remove drops both', async () => {
    const { ref } = pool.createVm({ name: 'dup' })
    const map =
      '<value><struct><member><name>a</name><value>1</value></member><member><name>a</name><value>2</value></member><member><name>b</name><value/></member></struct></value>'
    const body = `<methodCall><methodName>VM.set_other_config</methodName><params><param><value>${session}</value></param><param><value>${ref}</value></param><param>${map}</param></params></methodCall>`
    expect((await client.post(body))?.body).toContain('Success')
    expect(pool.db.row('VM', ref).get('other_config')).toEqual([
      ['a', '1'],
      ['a', '2'],
      ['b', ''],
    ])
    await client.call('VM.remove_from_other_config', session, ref, 'a')
    expect(pool.db.row('VM', ref).get('other_config')).toEqual([['b', '']])
  })

  test('sets: add and remove may be repeated', async () => {
    const { ref } = pool.createVm({ name: 'sets' })
    for (const tag of ['x', 'y', 'x']) await client.call('VM.add_tags', session, ref, tag)
    expect(await client.call('VM.get_tags', session, ref)).toEqual(['x', 'y'])
    for (const tag of ['x', 'x']) await client.call('VM.remove_tags', session, ref, tag)
    expect(await client.call('VM.get_tags', session, ref)).toEqual(['y'])
  })

  test('an enum is taken in any letter case and kept as declared', async () => {
    const { ref } = pool.createVm({ name: 'enum' })
    await client.call('VM.set_actions_after_shutdown', session, ref, 'DESTROY')
    expect(await client.call('VM.get_actions_after_shutdown', session, ref)).toBe('destroy')
    await expect(client.call('VM.set_actions_after_shutdown', session, ref, 'nonsense')).rejects.toThrow(
      'INTERNAL_ERROR',
    )
  })
})
