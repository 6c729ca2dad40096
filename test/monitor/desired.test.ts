import { describe, expect, test } from 'vitest'
import { KEY, LIVE_KEYS, type Fields } from '../../src/model/fields.ts'
import type { VmRecord } from '../../src/model/vm.ts'
import { desired, hasLiveKeys } from '../../src/monitor/desired.ts'
import { HERE, RULES, TARGET, THERE, vm } from './fixtures.ts'

const member = { myHost: HERE, amCoordinator: false }
const coordinator = { myHost: HERE, amCoordinator: true }

/** `watch`, `clean` or `leave`, as a member and as the coordinator. */
function decided(record: VmRecord): string {
  const words = [member, coordinator].map((place) => {
    const wanted = desired(record, place, RULES)
    return wanted.watch ? 'watch' : wanted.clean ? 'clean' : 'leave'
  })
  return words.join('/')
}

describe('who looks after a VM', () => {
  test.each<[string, VmRecord, string]>([
    ['runs here', vm(), 'watch/watch'],
    ['runs elsewhere', vm({ residentOn: THERE }), 'leave/leave'],
    ['is paused here', vm({ powerState: 'Paused' }), 'clean/clean'],
    ['is halted', vm({ powerState: 'Halted', residentOn: undefined }), 'leave/clean'],
    ['is suspended', vm({ powerState: 'Suspended', residentOn: undefined }), 'leave/clean'],
    ['runs here and is not registered', vm({}, { [KEY.monitor]: 'False' }), 'clean/clean'],
    [
      'is halted and not registered',
      vm({ powerState: 'Halted', residentOn: undefined }, { [KEY.monitor]: 'False' }),
      'leave/clean',
    ],
    ['runs elsewhere and is not registered', vm({ residentOn: THERE }, { [KEY.monitor]: 'False' }), 'leave/leave'],
    ['says true in lower case', vm({}, { [KEY.monitor]: 'true' }), 'clean/clean'],
    ['says nothing', vm({}, { [KEY.monitor]: '' }), 'clean/clean'],
    ['is a control domain', vm({ isControlDomain: true }), 'leave/leave'],
    ['is a template', vm({ isTemplate: true, powerState: 'Halted', residentOn: undefined }), 'leave/leave'],
    ['is a snapshot', vm({ isSnapshot: true, powerState: 'Halted', residentOn: undefined }), 'leave/leave'],
    ['is a snapshot that says it runs here', vm({ isSnapshot: true }), 'leave/leave'],
  ])('one that %s: %#', (_, record, words) => {
    expect(decided(record)).toBe(words)
  })

  test('a VM that is not offered at all is cleaned too: it may have been', () => {
    const { [KEY.monitor]: _, ...nothing } = vm().otherConfig
    expect(decided({ ...vm(), otherConfig: nothing })).toBe('clean/clean')
  })
})

describe('the target', () => {
  function target(otherConfig: Fields, more: Partial<VmRecord> = {}) {
    const wanted = desired(vm(more, otherConfig), member, RULES)
    if (!wanted.watch) throw new Error('not watched')
    return wanted
  }

  test('of a VM that says nothing else', () => {
    expect(target({})).toEqual({ watch: true, target: TARGET, problem: undefined })
  })

  test('of one that says everything', () => {
    const said = {
      [KEY.username]: 'ops',
      [KEY.address]: '10.0.0.99',
      [KEY.socket]: '/run/podman/podman.sock',
      [KEY.mode]: 'ssh',
      [KEY.hostKey]: 'AAAA',
      [KEY.hostKeyOwner]: 'uuid-vm',
    }
    expect(target(said).target).toEqual({
      vmUuid: 'uuid-vm',
      mode: 'ssh',
      addresses: ['10.0.0.99'],
      username: 'ops',
      pinnedHostKey: 'AAAA',
      socketPath: '/run/podman/podman.sock',
    })
  })

  test.each([
    [{ [KEY.hostKey]: 'AAAA', [KEY.hostKeyOwner]: 'uuid-vm' }, 'AAAA'],
    [{ [KEY.hostKey]: 'AAAA' }, 'AAAA'],
    [{ [KEY.hostKey]: 'AAAA', [KEY.hostKeyOwner]: 'uuid-of-the-original' }, undefined],
    [{ [KEY.hostKeyOwner]: 'uuid-vm' }, undefined],
  ])('the pin in %j is %s', (otherConfig, pin) => {
    expect(target(otherConfig).target.pinnedHostKey).toBe(pin)
  })

  test('an empty socket path is none, an empty user is the usual one', () => {
    const said = { [KEY.socket]: '', [KEY.username]: '' }
    expect(target(said)).toMatchObject({ target: { socketPath: undefined, username: 'core' }, problem: undefined })
  })

  test('TLS: with the secrets that the VM names, whatever user it names', () => {
    const secrets = { [KEY.tlsCa]: 'uuid-a', [KEY.tlsCertificate]: ' uuid-b ', [KEY.tlsKey]: 'uuid-c' }
    const found = target({ [KEY.mode]: 'tls', ...secrets, [KEY.username]: 'a\nb' }, {})
    expect(found.problem).toBeUndefined()
    expect(found.target).toMatchObject({ mode: 'tls', tls: { ca: 'uuid-a', certificate: 'uuid-b', key: 'uuid-c' } })
  })

  test('old algorithms: only when the VM says so, and over SSH', () => {
    expect(target({ [KEY.sshAlgorithms]: 'old' })).toMatchObject({
      target: { oldAlgorithms: true },
      problem: undefined,
    })
    expect(target({ [KEY.sshAlgorithms]: '' })).toEqual({ watch: true, target: TARGET, problem: undefined })
    expect(target({ [KEY.sshAlgorithms]: 'old', [KEY.mode]: 'tls' }).target).not.toHaveProperty('oldAlgorithms')
  })

  test('SSH: the secrets for TLS mean nothing', () => {
    expect(target({ [KEY.tlsCa]: 'uuid-a' }, {}).target).not.toHaveProperty('tls')
  })

  test.each<[string, Fields, Partial<VmRecord>, string, string]>([
    ['a mode that we do not have', { [KEY.mode]: 'winrm' }, {}, 'mode', '"winrm"'],
    ['TLS without its secrets', { [KEY.mode]: 'tls' }, {}, 'tls-secrets', 'xscontainer-tls-ca-cert'],
    [
      'TLS without its key',
      { [KEY.mode]: 'tls', [KEY.tlsCa]: 'a', [KEY.tlsCertificate]: 'b', [KEY.tlsKey]: ' ' },
      {},
      'tls-secrets',
      '(missing: xscontainer-tls-client-key)',
    ],
    ['a long mode', { [KEY.mode]: 'x'.repeat(999) }, {}, 'mode', '"xxxxxxxxxxxxxxxxxxxx"'],
    ['a user with a line end', { [KEY.username]: 'a\nb' }, {}, 'username', 'is not a user name'],
    ['a user of 300 characters', { [KEY.username]: 'a'.repeat(300) }, {}, 'username', 'is not a user name'],
    ['algorithms that mean nothing', { [KEY.sshAlgorithms]: 'Old' }, {}, 'ssh-algorithms', '"Old"'],
    ['no address', {}, { networks: {} }, 'no-address', 'reports no IP address'],
    ['dom0’s address', {}, { networks: { '0/ip': '10.0.0.1' } }, 'address-refused', 'belongs to a host of the pool'],
    ['a bad override', { [KEY.address]: 'here' }, {}, 'address-refused', '"here"'],
  ])('%s is a problem that the user can read', (_, otherConfig, more, kind, words) => {
    const { problem } = target(otherConfig, more)
    expect(problem).toMatchObject({ kind })
    expect(problem?.cause).toContain(words)
    expect(problem?.cure).not.toBe('')
  })

  test.each(['core', 'root', 'user.name-1', 'Ünï', 'DOMAIN\\user', 'a'.repeat(256)])('user %s is fine', (username) => {
    expect(target({ [KEY.username]: username })).toMatchObject({ problem: undefined, target: { username } })
  })
})

test('live keys are those that only a monitored VM should have', () => {
  for (const key of [...LIVE_KEYS, KEY.status, KEY.updated]) expect(hasLiveKeys(vm({}, { [key]: '' }))).toBe(true)
  expect(hasLiveKeys(vm({}, { [KEY.hostKey]: 'AAAA', [KEY.username]: 'u' }))).toBe(false)
})
