import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { RemotePool } from './remote-pool.ts'
import { WireClient } from './wire-client.ts'

const dir = mkdtempSync(join(tmpdir(), 'sim-'))
let remote: RemotePool

beforeAll(async () => {
  remote = await RemotePool.start({ hosts: 2, vms: 3, dir })
})

afterAll(async () => {
  await remote.stop()
  rmSync(dir, { recursive: true, force: true })
})

test('a pool in another process is driven by the same verbs, and watched', async () => {
  const [first, second] = remote.hosts
  const client = new WireClient(second?.socketPath ?? '')
  const session = await client.login('remote')
  expect(await client.call('VM.get_all', session)).toHaveLength(3 + 2 + 2)
  const vm = await remote.call('createVm', { name: 'remote', host: 1, otherConfig: { a: '1' } })
  expect(await client.text('VM.get_resident_on', session, vm.ref)).toBe(second?.ref)
  await remote.call('migrate', vm.ref, 0)
  expect(await client.text('VM.get_resident_on', session, vm.ref)).toBe(first?.ref)
  await remote.call('observeWrites')
  await client.call('VM.add_to_other_config', session, vm.ref, 'b', '2')
  expect(await remote.call('takeWrites')).toMatchObject([{ ref: vm.ref, key: 'b', value: '2', originator: 'remote' }])
  expect(await remote.call('otherConfig', vm.ref)).toMatchObject({ a: '1', b: '2' })
  expect(await remote.call('stats')).toMatchObject({ writes: 1, openSessions: { remote: 1 } })
  await remote.call('fault', 1, 'refuse')
  await expect(client.login()).rejects.toThrow('no answer')
  await remote.call('fault', 1, 'clear')
})

test('an error in a verb reaches the caller', async () => {
  await expect(remote.call('otherConfig', 'gone')).rejects.toThrow('HANDLE_INVALID VM gone')
})
