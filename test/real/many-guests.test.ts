import type { Client } from 'ssh2'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startManyGuests, type ManyGuests } from './many-guests.ts'
import { describeReal } from './describe-real.ts'
import { getOverSsh, sshLogin } from './ssh-probe.ts'
import { testKey } from './test-key.ts'

describeReal('many guests', ['sshd', 'dockerd'], () => {
  const key = testKey('ed25519')
  let many: ManyGuests

  beforeAll(async () => {
    many = await startManyGuests({ count: 40, keys: [key.publicKey], maxStartups: '100', maxSessions: 3 })
  })
  afterAll(() => many?.stop())

  it('are one engine behind many addresses', async () => {
    const id = await many.dockerd.containers.run({ name: 'shared' })
    expect(new Set(many.addresses).size).toBe(40)
    const clients: Client[] = []
    for (const host of many.addresses) {
      const client = await sshLogin({ host, port: many.port, username: many.username, privateKey: key.privateKey })
      clients.push(client)
      expect(await getOverSsh(client, '/var/run/docker.sock', '/containers/json')).toMatchObject([{ Id: id }])
    }
    expect(many.sshd.connections()).toBe(40)
    for (const client of clients) client.end()
  })

  it('have the limits that were asked for, and the stock ones else', async () => {
    const effective = await many.guest.exec('/usr/sbin/sshd', '-T')
    expect(effective).toMatch(/^maxstartups 100:30:100$/m)
    expect(effective).toMatch(/^maxsessions 3$/m)
    expect(effective).toMatch(/^allowstreamlocalforwarding yes$/m)
  })
})
