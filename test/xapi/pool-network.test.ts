import { describe, expect, test } from 'vitest'
import { FAULT, XapiFailure } from '../../src/xapi/errors.ts'
import { readPoolNetwork } from '../../src/xapi/pool-network.ts'
import { useSimSession } from './sim-session.ts'

const { sim, state } = useSimSession()
const { signal } = new AbortController()

describe('of a simulated pool', () => {
  test('names every host’s addresses', async () => {
    const { hostAddresses } = await readPoolNetwork(state.session, signal)
    for (const { address } of sim.pool.hosts) expect(hostAddresses).toContain(address)
  })

  test('names the VIFs on the host-internal management network, by VM and device', async () => {
    const { network, internalNetwork } = sim.pool.objects
    const both = sim.pool.createVm({ name: 'both', vifs: [network, internalNetwork, internalNetwork] })
    const none = sim.pool.createVm({ name: 'none' })
    const { hostInternalDevices } = await readPoolNetwork(state.session, signal)
    expect(hostInternalDevices.get(both.ref)).toEqual(new Set(['1', '2']))
    expect(hostInternalDevices.has(none.ref)).toBe(false)
  })

  test('costs four calls', async () => {
    await state.session.call('pool.get_all', [], signal)
    sim.pool.stats.reset()
    await readPoolNetwork(state.session, signal)
    expect(sim.pool.stats.calls).toEqual({
      'host.get_all_records': 1,
      'PIF.get_all_records': 1,
      'network.get_all_records': 1,
      'VIF.get_all_records_where': 1,
    })
  })
})

/** Reads from answers by hand. */
function read(answers: Readonly<Record<string, unknown>>) {
  return readPoolNetwork({ call: async (method) => answers[method] }, signal)
}

describe('spellings and nonsense', () => {
  test('IPv6 addresses have one spelling, without prefix length; empty ones are left out', async () => {
    const { hostAddresses } = await read({
      'host.get_all_records': { h: { address: '2001:DB8::0:1' }, g: { address: '' }, f: 'no record' },
      'PIF.get_all_records': { p: { IP: '10.9.8.7', IPv6: ['2001:db8:0:0:0:0:0:2/64', 5] }, q: { IP: '', IPv6: 'x' } },
    })
    for (const address of ['2001:db8::1', '10.9.8.7', '2001:db8::2']) expect(hostAddresses).toContain(address)
    expect(hostAddresses).not.toContain('')
  })

  test('a pool without a host-internal network is asked for no VIFs', async () => {
    const asked: string[] = []
    const call = async (method: string) => void asked.push(method)
    expect((await readPoolNetwork({ call }, signal)).hostInternalDevices.size).toBe(0)
    expect(asked).not.toContain('VIF.get_all_records_where')
  })

  test('odd VIFs are left out', async () => {
    const { hostInternalDevices } = await read({
      'network.get_all_records': { n: { other_config: { is_host_internal_management_network: 'true' } } },
      'VIF.get_all_records_where': {
        a: { VM: 'OpaqueRef:vm', device: '3' },
        b: { VM: 'OpaqueRef:NULL', device: '0' },
        c: { VM: 'OpaqueRef:vm', device: 1 },
        d: null,
      },
    })
    expect([...hostInternalDevices]).toEqual([['OpaqueRef:vm', new Set(['3'])]])
  })

  describe.each(['MESSAGE_METHOD_UNKNOWN', FAULT])('a XAPI that says %s', (code) => {
    const answers: Record<string, unknown> = {
      'host.get_all_records': { h: { address: '10.0.0.1' } },
      'network.get_all_records': { n: { other_config: { is_host_internal_management_network: 'true' } } },
      'VIF.get_all_records': {
        a: { VM: 'OpaqueRef:vm', device: '3', network: 'n' },
        b: { VM: 'OpaqueRef:vm', device: '4', network: 'other' },
      },
    }
    const without = (...missing: string[]) =>
      readPoolNetwork(
        {
          call: async (method) => {
            if (answers[method] === undefined || missing.includes(method)) throw new XapiFailure(method, [code, method])
            return answers[method]
          },
        },
        signal,
      )

    test('to PIFs and networks: the addresses of the hosts count', async () => {
      const { hostAddresses, hostInternalDevices } = await without('network.get_all_records')
      expect(hostAddresses).toContain('10.0.0.1')
      expect(hostInternalDevices.size).toBe(0)
    })

    test('to a choice of VIFs: all are read', async () => {
      expect([...(await without()).hostInternalDevices]).toEqual([['OpaqueRef:vm', new Set(['3'])]])
      expect((await without('VIF.get_all_records')).hostInternalDevices.size).toBe(0)
    })

    test('to hosts: nobody may be dialled', async () => {
      await expect(without('host.get_all_records')).rejects.toThrow('host.get_all_records')
    })
  })

  test('a failure is passed on: without knowing the hosts nobody may be dialled', async () => {
    const failing = readPoolNetwork({ call: () => Promise.reject(new Error('XAPI away')) }, signal)
    await expect(failing).rejects.toThrow('XAPI away')
  })
})
