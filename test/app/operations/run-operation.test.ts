import { describe, expect, test } from 'vitest'
import type { HostContext, HostOperation } from '../../../src/app/operations/host-operation.ts'
import { ALL_OPERATIONS } from '../../../src/app/operations/all-operations.ts'
import { runOperation, vmUuidOf, type OperationSet } from '../../../src/app/operations/run-operation.ts'
import type { Operation, StreamOperation, VmContext } from '../../../src/operations/operation.ts'
import { FakeStream } from '../../control/fixtures.ts'

const UUID = 'cd23b4ed-b799-4066-87be-ee0f196df73a'
const { signal } = new AbortController()
const stream = new FakeStream((async function* () {})())

const pause: Operation = {
  name: 'pause',
  args: ['vmuuid', 'container'],
  run: async ({ vm }, { container }) => `${vm.uuid} ${container}`,
}
const exec: StreamOperation = { name: 'exec', args: ['vmuuid'], open: async () => stream }
const version: HostOperation = { name: 'version', args: [], run: async ({ isDaemon }) => String(isDaemon) }
const set: OperationSet = { ofVms: [pause], ofHosts: [version], conversations: [exec] }
const host = {
  isDaemon: true,
  vm: async (uuid: string) => ({ vm: { uuid } }) as unknown as VmContext,
} as unknown as HostContext

describe('by its name runs', () => {
  test('an operation about a VM, in the context of that VM', async () => {
    const args = { vmuuid: UUID.toUpperCase(), container: 'web' }
    expect(await runOperation(set, host, 'pause', args, signal)).toBe(`${UUID} web`)
  })

  test('one about the host', async () => {
    expect(await runOperation(set, host, 'version', {}, signal)).toBe('true')
  })

  test('a conversation', async () => {
    expect(await runOperation(set, host, 'exec', { vmuuid: UUID }, signal)).toBe(stream)
  })
})

test.each([
  ['unknown-operation', 'format', {}],
  ['unknown-operation', 'constructor', {}],
  ['unknown-operation', '', {}],
  ['missing-argument', 'pause', { vmuuid: UUID }],
  ['missing-argument', 'pause', { vmuuid: UUID, container: '' }],
  ['missing-argument', 'exec', {}],
  ['no-such-vm', 'pause', { vmuuid: 'x', container: 'web' }],
  ['no-such-vm', 'pause', { vmuuid: `${UUID}\n`, container: 'web' }],
  ['no-such-vm', 'exec', { vmuuid: `../${UUID}` }],
])('%s: %s', async (kind, name, args) => {
  await expect(runOperation(set, host, name, args, signal)).rejects.toMatchObject({
    name: 'RefusedError',
    diagnosis: { kind, cure: /./ },
  })
})

test('foreign text in an error cannot steer a terminal', async () => {
  await expect(runOperation(set, host, '\u001b[2J'.repeat(100), {}, signal)).rejects.toThrow(
    /^There is no operation "[^\u001b]{60}"/,
  )
})

test('a uuid is written as XAPI writes it', () => {
  expect(vmUuidOf({ vmuuid: UUID.toUpperCase() })).toBe(UUID)
  expect(vmUuidOf({ vmuuid: '' })).toBeUndefined()
  expect(vmUuidOf({})).toBeUndefined()
})

test('no two operations have one name', () => {
  const { ofVms, ofHosts, conversations } = ALL_OPERATIONS
  const names = [...ofVms, ...ofHosts, ...conversations].map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
  expect(names).toEqual(expect.arrayContaining(['list', 'version', 'refresh', 'diagnose', 'pause', 'exec']))
})
