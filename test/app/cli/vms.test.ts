import { describe, expect, test } from 'vitest'
import { pickVm, readVms } from '../../../src/app/cli/vms.ts'
import { RefusedError } from '../../../src/base/errors.ts'
import { KEY } from '../../../src/model/fields.ts'
import { XapiFailure } from '../../../src/xapi/errors.ts'
import { useSimSession } from '../../xapi/sim-session.ts'
import { vm } from './fixtures.ts'

describe('pickVm', () => {
  const vms = [
    vm('abcd'),
    vm('abef'),
    vm('web', { uuid: 'ffff-1' }),
    vm('web', { uuid: 'ffff-2' }),
    vm('abc', { uuid: '9999' }),
    vm('ffff-2', { uuid: '8888' }),
  ]

  test.each([
    ['abcd', 'abcd-0000-1111-2222-333344445555'],
    ['ABCD-0000-1111-2222-333344445555', 'abcd-0000-1111-2222-333344445555'],
    ['abe', 'abef-0000-1111-2222-333344445555'],
    ['abc', '9999'],
    ['99', '9999'],
    ['ffff-2', 'ffff-2'],
  ])('%s means %s', (word, uuid) => {
    expect(pickVm(vms, word).uuid).toBe(uuid)
  })

  test.each([
    ['web', 'Name one by its uuid:\n  ffff-1  web\n  ffff-2  web'],
    ['ffff', 'fits several VMs'],
    ['ab', 'fits several VMs'],
    ['', 'fits several VMs'],
    ['nothing', 'No VM with the key xscontainer-monitor has the uuid or name "nothing". See xscontainer status --pool'],
    ['Web', 'No VM with'],
  ])('%j is an error that helps', (word, why) => {
    expect(() => pickVm(vms, word)).toThrow(RefusedError)
    expect(() => pickVm(vms, word)).toThrow(why)
  })

  test('where all VMs are looked at, a key is not what is missing', () => {
    const why = 'There is no VM with the uuid or name "nothing" in this pool. Look for its uuid with: xe vm-list'
    expect(() => pickVm(vms, 'nothing', true)).toThrow(why)
  })

  test('an error cannot steer the terminal either', () => {
    const error = (() => {
      try {
        return pickVm([vm('a', { name: 'x\u009b' }), vm('a', { name: 'y\u001b' })], 'a')
      } catch (thrown) {
        return thrown as Error
      }
    })() as Error
    expect(error.message).not.toMatch(/[\u001b\u009b]/)
    expect(() => pickVm([], '\u001b[2J\u009b')).not.toThrow(/[\u001b\u009b]/)
  })
})

describe('readVms', () => {
  const { sim, state } = useSimSession()
  const { signal } = new AbortController()

  test('has the VMs that are offered for container management, by name, with their hosts', async () => {
    const otherConfig = { [KEY.monitor]: 'False', foreign: 'x' }
    sim.pool.createVm({ name: 'zoo', otherConfig })
    sim.pool.createVm({ name: 'ant', otherConfig, host: sim.member })
    sim.pool.createVm({ name: 'off', otherConfig, powerState: 'Halted' })
    sim.pool.createVm({ name: 'template', otherConfig, template: true })
    sim.pool.createVm({ name: 'plain' })
    const vms = await readVms(state.session, sim.coordinator.inventoryPath, signal)
    expect(vms.map(({ name, here, host }) => [name, here, host])).toEqual([
      ['ant', false, 'sim-host-2'],
      ['off', false, ''],
      ['zoo', true, 'sim-host-1'],
    ])
    expect(vms[0]?.otherConfig).toEqual({ [KEY.monitor]: 'False' })
  })

  test('a XAPI without the query is asked for everything', async () => {
    const asked: string[] = []
    const call = async (method: string, params: readonly never[], abort: AbortSignal) => {
      asked.push(method)
      if (method === 'VM.get_all_records_where') throw new XapiFailure(method, ['MESSAGE_METHOD_UNKNOWN', method])
      return state.session.call(method, params, abort)
    }
    const vms = await readVms({ call: call }, sim.coordinator.inventoryPath, signal)
    expect(vms.map(({ name }) => name)).toEqual(['ant', 'off', 'zoo'])
    expect(asked).toContain('VM.get_all_records')
  })

  test('a missing inventory says what to do', async () => {
    await expect(readVms(state.session, '/nonexistent', signal)).rejects.toThrow('Cannot read /nonexistent: ENOENT')
  })
})
