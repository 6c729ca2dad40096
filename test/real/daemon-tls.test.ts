import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { installPlugin, xenCenter } from '../scenarios/plugin-clients.ts'
import type { World } from '../scenarios/world.ts'
import type { SimVm } from '../sim/xapi/pool-helpers.ts'
import { days, make, makePki, partsOf, type Pki } from '../transports/tls/pki.ts'
import type { TlsParts } from '../../src/transports/tls/material.ts'
import { describeReal } from './describe-real.ts'
import { CLI_COLUMNS, rowsOfCli, rowsOfDocument } from './published-list.ts'
import { RealDockerd } from './real-dockerd.ts'
import { RealGuest } from './real-guest.ts'
import { addVm, endAll, startWorld, type RealSetting } from './real-world.ts'

const ADDRESS = '127.67.0.1'
const PORT = 23760
const RETRY_S = 45

describeReal('the daemon and a real Docker engine that wants TLS with certificates', ['dockerd'], () => {
  const setting: RealSetting = { guests: [] }
  let dockerd: RealDockerd
  let world: World
  let vm: SimVm
  let pki: Pki

  beforeAll(async () => {
    const guest = await RealGuest.start()
    setting.guests.push(guest)
    pki = await makePki(ADDRESS)
    const file = (name: string, pem: string) => {
      writeFileSync(guest.path(name), pem, { mode: 0o600 })
      return guest.path(name)
    }
    dockerd = await RealDockerd.start(guest, {
      net: 'host',
      flags: [
        ...['--host', `tcp://${ADDRESS}:${PORT}`, '--tlsverify'],
        ...['--tlscacert', file('ca.pem', pki.ca.certificate)],
        ...['--tlscert', file('cert.pem', pki.server.certificate)],
        ...['--tlskey', file('key.pem', pki.server.key)],
      ],
    })
    world = setting.world = await startWorld(22, { guest: { tls_port: PORT } })
    installPlugin(world)
    vm = await tlsVm('good', partsOf(pki))
    await world.startDaemon()
    await world.untilMonitored(vm, RETRY_S)
  }, 120_000)
  afterAll(() => endAll(setting))

  async function secret(value: string): Promise<string> {
    return String(await world.call('secret.get_uuid', await world.call('secret.create', { value, other_config: {} })))
  }

  async function tlsVm(name: string, { ca, certificate, key }: TlsParts, addresses = [ADDRESS]): Promise<SimVm> {
    return addVm(world, name, addresses, {
      'xscontainer-mode': 'tls',
      'xscontainer-tls-ca-cert': await secret(ca),
      'xscontainer-tls-client-cert': await secret(certificate),
      'xscontainer-tls-client-key': await secret(key),
    })
  }

  it('shows what docker ps -a shows, and follows its events', async () => {
    const { containers } = dockerd
    await containers.run({ name: 'web', network: 'none' })
    await containers.run({ name: 'gone', network: 'none', cmd: ['sh', '-c', 'exit 3'] })
    await world.until('both are there', () => world.containers(vm)['gone']?.['status'] === 'Exited (3)')
    await world.until('it runs', () => world.containers(vm)['web']?.['status'] === 'Up')
    const shown = rowsOfCli(await dockerd.cli('ps', '-a', '--no-trunc', '--format', CLI_COLUMNS))
    expect(rowsOfDocument(world.entries(vm))).toEqual(shown)
    expect(shown).toHaveLength(2)
  })

  it.concurrent('actions, processes and details by the plugin', async () => {
    const { containers } = dockerd
    await containers.run({ name: 'acted', network: 'none', cmd: ['sh', '-c', 'trap exit TERM; sleep 1000 & wait'] })
    const client = await xenCenter(world)
    await client.call('pause', vm, { container: 'acted' })
    expect(world.containers(vm)['acted']?.['status']).toBe('Up (Paused)')
    await client.call('unpause', vm, { container: 'acted' })
    expect(await client.call('get_top', vm, { object: 'acted' })).toContain('<CMD>sleep 1000</CMD>')
    expect(await client.call('get_inspect', vm, { object: 'acted' })).toContain('<docker_inspect>')
    await client.call('stop', vm, { container: 'acted' })
    expect(world.containers(vm)['acted']?.['status']).toMatch(/^Exited/)
  })

  it.concurrent('what is wrong with certificates is told, each by its own cause', async () => {
    const good = partsOf(pki)
    const other = await makePki(ADDRESS)
    const expired = await make('client', pki.ca, { notBefore: days(-9), notAfter: days(-1) })
    const early = await make('client', pki.ca, { notBefore: days(1) })
    const cases: [string, Partial<TlsParts>, RegExp][] = [
      [
        'expired',
        { certificate: expired.certificate, key: expired.key },
        /client certificate in secret .* has expired: it was valid until/,
      ],
      ['early', { certificate: early.certificate, key: early.key }, /is not valid yet: it begins at .* clock/],
      ['swapped', { certificate: good.key, key: good.certificate }, /Client certificate and client key are swapped/],
      ['mismatch', { key: other.client.key }, /client key in secret .* does not belong to the client certificate/],
      ['server cert', { certificate: pki.server.certificate, key: pki.server.key }, /is not made for clients/],
      ['foreign', { certificate: other.client.certificate, key: other.client.key }, /refused our client certificate: /],
      ['other CA', { ca: other.ca.certificate }, /was not signed by the CA in the VM's secrets/],
      ['garbage', { ca: 'no PEM' }, /has no certificate in PEM form/],
    ]
    const vms = await Promise.all(cases.map(([name, parts]) => tlsVm(name, { ...good, ...parts })))
    for (const [i, [, , cause]] of cases.entries()) await world.untilFailed(vms[i]!, cause, RETRY_S)
    const gone = await tlsVm('gone', good)
    await world.untilMonitored(gone)
    await world.setKey(gone, 'xscontainer-tls-ca-cert', randomUUID())
    await world.untilFailed(gone, /names secret \S+, but there is no such secret/)

    // The right one heals it, at once and without anybody asking for it.
    await world.setKey(vms[6]!, 'xscontainer-tls-ca-cert', await secret(pki.ca.certificate))
    await world.untilMonitored(vms[6]!)
    expect(world.daemons[0]!.log()).not.toContain('PRIVATE KEY')
  })

  it('an engine that is restarted is found again', async () => {
    await dockerd.stop()
    await world.untilFailed(vm, new RegExp(`No container engine listens at ${ADDRESS} port ${PORT}`))
    await dockerd.startAgain()
    await world.untilMonitored(vm, RETRY_S)
  })
})
