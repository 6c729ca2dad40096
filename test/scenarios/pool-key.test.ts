import { createPublicKey } from 'node:crypto'
import { expect, test } from 'vitest'
import { loginOf } from '../sim/guest/peers.ts'
import { World } from './world.ts'

const PRIVATE = 'xscontainer-private-secret-uuid'
const PUBLIC = 'xscontainer-public-secret-uuid'

function poolConfig(world: World): Record<string, string> {
  return world.pool.record('pool', world.pool.objects.pool)!['other_config'] as Record<string, string>
}

async function secrets(world: World): Promise<Record<string, string>> {
  const records = (await world.call('secret.get_all_records')) as Record<string, { uuid: string; value: string }>
  return Object.fromEntries(Object.values(records).map(({ uuid, value }) => [uuid, value]))
}

test.concurrent(
  'a pool without a key gets one, two daemons or not: RSA 4096, in secrets that the pool names',
  () =>
    World.during({ hosts: 2, withKey: false }, async (world) => {
      const [first, second] = world.pool.hosts
      const guests = [await world.addGuest({ host: first! }), await world.addGuest({ host: second! })]
      for (const host of world.pool.hosts) await world.startDaemon(host)
      await world.until('the pool has a key', () => poolConfig(world)[PUBLIC] !== undefined, 50)
      const { [PRIVATE]: privateUuid, [PUBLIC]: publicUuid } = poolConfig(world)
      const line = (await secrets(world))[publicUuid!]!
      expect(line).toMatch(/^ssh-rsa [A-Za-z0-9+/]+=* \S+$/)
      for (const { sim } of guests) sim.setAuthorizedKeys('core', [line])
      for (const guest of guests) await world.untilMonitored(guest, 45)
      const stored = await secrets(world)
      expect(Object.keys(stored).sort()).toEqual([privateUuid, publicUuid].sort())
      const pem = stored[privateUuid!]!
      expect(pem).toMatch(/^-----BEGIN RSA PRIVATE KEY-----/)
      expect(createPublicKey(pem).asymmetricKeyDetails?.modulusLength).toBe(4096)
    }),
  120_000,
)

test.concurrent("a key in OpenSSH's own form is used, and a missing public half is made of it", () => {
  const { privateKey, line } = loginOf('rsa', 7)
  expect(privateKey).toContain('BEGIN OPENSSH PRIVATE KEY')
  return World.during({ key: privateKey }, async (world) => {
    world.pool.setMapKey('pool', world.pool.objects.pool, 'other_config', PUBLIC, undefined)
    const users = { core: { authorizedKeys: [line], groups: ['docker'] } }
    const guest = await world.addGuest({ users })
    await world.startDaemon()
    await world.untilMonitored(guest)
    await world.until('the public half is named', () => poolConfig(world)[PUBLIC] !== undefined)
    const made = (await secrets(world))[poolConfig(world)[PUBLIC]!]!
    expect(made.split(' ').slice(0, 2)).toEqual(line.split(' ').slice(0, 2))
  })
})

test.concurrent('the secret is gone, or no key: every VM says so, and all is well once it is put right', () =>
  World.during({}, async (world) => {
    const pool = world.pool.objects.pool
    const before = poolConfig(world)[PRIVATE]!
    const gone = '11111111-2222-3333-4444-555555555555'
    world.pool.setMapKey('pool', pool, 'other_config', PRIVATE, gone)
    const guest = await world.addGuest()
    await world.startDaemon()
    await world.untilFailed(
      guest,
      new RegExp(`names secret ${gone} as its SSH key, but there is no such secret\\. Remove`),
    )
    const junk = (await world.call('secret.create', { value: 'not a key', other_config: {} })) as string
    world.pool.setMapKey('pool', pool, 'other_config', PRIVATE, (await world.call('secret.get_uuid', junk)) as string)
    await world.untilFailed(guest, /private key cannot be read/)
    expect(Object.keys(await secrets(world))).toHaveLength(3)
    world.pool.setMapKey('pool', pool, 'other_config', PRIVATE, before)
    await world.untilMonitored(guest, 45)
  }),
)

test.concurrent('another key in the same secret is noticed when a guest refuses the old one', () =>
  World.during({}, async (world) => {
    const { privateKey, line } = loginOf('rsa', 8)
    const guest = await world.addGuest()
    await world.startDaemon()
    await world.untilMonitored(guest)
    const uuid = poolConfig(world)[PRIVATE]!
    await world.call('secret.set_value', await world.call('secret.get_by_uuid', uuid), privateKey)
    guest.sim.setAuthorizedKeys('core', [line])
    guest.sim.dropConnections()
    await world.until('it is connected again', () => guest.sim.counters.connections > 1)
    await world.until('with the new key', () => guest.engine.eventStreams === 1, 45)
    await world.untilMonitored(guest)
  }),
)
