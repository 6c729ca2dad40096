import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { CERTIFICATE_TITLE } from '../../src/app/tls/certificate-warnings.ts'
import { days, make, makePki, partsOf } from '../transports/tls/pki.ts'
import { cliOn } from './run-cli.ts'
import { TLS_PORT, WindowsGuest } from './windows-guest.ts'
import { World } from './world.ts'

vi.setConfig({ testTimeout: 120_000 })

const SETTINGS = { guest: { tls_port: TLS_PORT } }

test('a certificate that ends in ten days: one message and a word in status, gone once others are in use', () =>
  World.during({ settings: SETTINGS }, async (world) => {
    const cli = cliOn(world)
    const guest = await WindowsGuest.start(world)
    try {
      const pki = await makePki(guest.address)
      const old = await make('client', pki.ca, { notAfter: days(10) })
      await guest.serve({ ca: pki.ca.certificate, cert: pki.server.certificate, key: pki.server.key })
      const secret = async (value: string) =>
        String(await world.call('secret.get_uuid', await world.call('secret.create', { value, other_config: {} })))
      const { ca, certificate, key } = partsOf({ ...pki, client: old })
      for (const [name, value] of [
        ['xscontainer-tls-ca-cert', await secret(ca)],
        ['xscontainer-tls-client-cert', await secret(certificate)],
        ['xscontainer-tls-client-key', await secret(key)],
        ['xscontainer-mode', 'tls'],
        ['xscontainer-monitor', 'True'],
      ] as const)
        await world.setKey(guest, name, value)
      const messages = () => world.pool.allMessages().filter(({ name }) => name === CERTIFICATE_TITLE)
      const day = days(10).toISOString().slice(0, 10)

      const first = await world.startDaemon()
      await world.untilMonitored(guest)
      await world.until('it is told', () => messages().length === 1)
      expect(messages()[0]).toMatchObject({ objUuid: guest.uuid })
      expect(messages()[0]!.body).toContain(`client certificate expires on ${day}`)
      expect((await cli(['status'])).out).toContain(`; the client certificate expires on ${day}`)

      // Another daemon says nothing twice.
      await first.terminate()
      await world.startDaemon()
      await world.untilMonitored(guest)
      await world.until('it has looked', () => (world.pool.stats.calls['message.get'] ?? 0) >= 2)
      expect(messages()).toHaveLength(1)

      const file = (name: string, pem: string) => {
        writeFileSync(join(world.dir, name), pem)
        return join(world.dir, name)
      }
      const words = ['--client-cert', file('c', pki.client.certificate), '--client-key', file('k', pki.client.key)]
      const renewed = await cli(['tls', 'renew', guest.uuid, ...words, '--ca-cert', file('a', ca), '--yes'])
      expect([renewed.code, renewed.err]).toEqual([0, ''])
      await world.until('the message is gone', () => messages().length === 0)
      expect((await cli(['status'])).out).not.toContain('expires')
    } finally {
      await guest.quiet()
    }
  }))
