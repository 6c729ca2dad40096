import { expect, test } from 'vitest'
import { callsFor, KEY, LIVE_KEYS } from '../../src/model/fields.ts'

test.each([
  [[], 0],
  [[{ key: 'a', value: '1', replaces: false }], 1],
  [[{ key: 'a', value: '1', replaces: true }], 2],
  [[{ key: 'a', value: undefined, replaces: true }], 1],
  [
    [
      { key: 'a', value: '', replaces: true },
      { key: 'b', value: 'x', replaces: false },
    ],
    3,
  ],
])('%j takes %d calls', (writes, calls) => {
  expect(callsFor(writes)).toBe(calls)
})

test('the keys are those of the clients’ contract', () => {
  expect(KEY).toMatchObject({
    monitor: 'xscontainer-monitor',
    username: 'xscontainer-username',
    mode: 'xscontainer-mode',
    hostKey: 'xscontainer-sshhostkey',
    address: 'xscontainer-address',
    socket: 'xscontainer-socket',
    sshAlgorithms: 'xscontainer-ssh-algorithms',
    status: 'xscontainer-status',
    updated: 'xscontainer-updated',
  })
  expect([...LIVE_KEYS].sort()).toEqual(['docker_info', 'docker_ps', 'docker_top', 'docker_version'])
})
