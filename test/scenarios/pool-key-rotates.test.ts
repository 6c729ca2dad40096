import { once } from 'node:events'
import { expect, test } from 'vitest'
import type { Behaviour } from '../sim/guest/faults.ts'
import { keepsKeys, nextKeyIsMade } from './guest-keys.ts'
import { installPlugin, untilDaemonsListen } from './plugin-clients.ts'
import { cliOn, startCli } from './run-cli.ts'
import { POOL_PUBLIC_LINE, World, type WorldGuest } from './world.ts'

const PRIVATE = 'xscontainer-private-secret-uuid'
const PUBLIC = 'xscontainer-public-secret-uuid'
const NEXT = 'xscontainer-next-private-secret-uuid'
const PREVIOUS = 'xscontainer-previous-private-secret-uuid'
const OTHERS = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIII admin@desk'

const oldBlob = POOL_PUBLIC_LINE.split(' ')[1]!
const users = { core: { authorizedKeys: [OTHERS, POOL_PUBLIC_LINE], groups: ['docker'] } }

function poolConfig(world: World): Record<string, string> {
  return world.pool.record('pool', world.pool.objects.pool)!['other_config'] as Record<string, string>
}

async function secrets(world: World): Promise<Record<string, string>> {
  const records = (await world.call('secret.get_all_records')) as Record<string, { uuid: string; value: string }>
  return Object.fromEntries(Object.values(records).map(({ uuid, value }) => [uuid, value]))
}

/** Only the pool's two secrets are left, and they belong together. */
async function expectSettled(world: World): Promise<string> {
  const config = poolConfig(world)
  expect(
    Object.keys(config)
      .filter((key) => key.startsWith('xscontainer-'))
      .sort(),
  ).toEqual([PRIVATE, PUBLIC])
  const stored = await secrets(world)
  expect(Object.keys(stored).sort()).toEqual([config[PRIVATE], config[PUBLIC]].sort())
  return stored[config[PUBLIC]!]!
}

function keysIn(guest: WorldGuest): readonly string[] {
  return guest.sim.users['core']!.authorizedKeys
}

test.concurrent(
  'a pool of two hosts gets another key while its guests stay monitored',
  () =>
    World.during({ hosts: 2 }, async (world) => {
      const [first, second] = world.pool.hosts
      const guests = await Promise.all(
        [first!, second!, second!].map((host) => world.addGuest({ host, users, behaviours: [keepsKeys()] })),
      )
      for (const host of world.pool.hosts) await world.startDaemon(host)
      installPlugin(world)
      await untilDaemonsListen(world)
      for (const guest of guests) await world.untilMonitored(guest)
      const before = await secrets(world)
      const { code, out, err } = await cliOn(world)(['key', 'rotate'])
      expect([code, err]).toEqual([0, 'xscontainer: making a key of 4096 bits\n'])
      expect(out).toMatch(/^The next key of this pool is SHA256:/)
      const line = await expectSettled(world)
      expect(Object.keys(await secrets(world)).sort()).toEqual(Object.keys(before).sort())
      for (const guest of guests) {
        expect(keysIn(guest).map((key) => key.split(' ')[1])).toEqual([OTHERS.split(' ')[1], line.split(' ')[1]])
        expect(world.wipes(guest)).toBe(0)
        guest.sim.dropConnections()
      }
      for (const guest of guests) {
        await world.until('it is connected again', () => guest.engine.eventStreams === 1, 45)
        await world.untilMonitored(guest)
        expect(guest.sim.counters.authRefused).toBe(0)
      }
      expect((await cliOn(world)(['key', 'show'])).out).toBe(`${line}\n`)
    }),
  120_000,
)

test.concurrent(
  'a guest that is away, and one that is off, are named, and finished by the monitor when they come back',
  () =>
    World.during({}, async (world) => {
      const [here, away] = await Promise.all([1, 2].map(() => world.addGuest({ users, behaviours: [keepsKeys()] })))
      const off = await world.addGuest({ users, behaviours: [keepsKeys()], powerState: 'Halted' })
      await world.startDaemon()
      await untilDaemonsListen(world)
      for (const guest of [here!, away!]) await world.untilMonitored(guest)
      const line = await nextKeyIsMade(world)
      away!.sim.refuse()
      away!.sim.dropConnections()
      const { code, out } = await cliOn(world)(['key', 'rotate'])
      expect(code).toBe(0)
      expect(out).toMatch(/2 guests are left, which the monitor lets in by the key before it:/)
      expect(out).toMatch(new RegExp(`${away!.uuid} {2}${away!.name}: .*refuse.*\\. .+`))
      expect(out).toMatch(new RegExp(`${off.uuid} {2}${off.name}: It is halted\\. .+`))
      expect(keysIn(away!)).toEqual(users.core.authorizedKeys)
      expect(keysIn(here!).join()).not.toContain(oldBlob)
      const status = JSON.parse((await cliOn(world)(['key', 'status', '--json'])).out) as {
        pending: { uuid: string }[]
      }
      expect(status.pending.map(({ uuid }) => uuid).sort()).toEqual([away!.uuid, off.uuid].sort())
      await away!.sim.admit()
      await world.until('its keys are renewed', () => !keysIn(away!).join().includes(oldBlob), 45)
      await world.untilMonitored(away!)
      // Within the connection by which it came back; a key that is refused in one of its own would be held against us.
      expect(away!.sim.counters.authRefused).toBe(1)
      world.pool.setPower(off, 'Running')
      world.pool.setAddresses(off, { '0/ip': off.sim.address })
      await world.until('the last one is renewed', () => !keysIn(off).join().includes(oldBlob), 45)
      await world.until('the old key is forgotten', () => Object.keys(poolConfig(world)).length === 2)
      expect(await expectSettled(world)).toBe(line)
      for (const guest of [here!, away!, off]) expect(keysIn(guest)).toEqual([OTHERS, line])
    }),
  120_000,
)

test.concurrent(
  'killed while it puts the next key into guests, and again while it takes the old one away, it is run once more',
  () =>
    World.during({}, async (world) => {
      const slow = slowly('xsc:key:add', 'xsc:key:remove')
      const guests = await Promise.all(
        Array.from({ length: 3 }, () => world.addGuest({ users, behaviours: [keepsKeys(), slow] })),
      )
      await world.startDaemon()
      await untilDaemonsListen(world)
      for (const guest of guests) await world.untilMonitored(guest)
      const line = await nextKeyIsMade(world)
      for (const [step, key, signal] of [
        ['xsc:key:add', NEXT, 'SIGINT'],
        ['xsc:key:remove', PREVIOUS, 'SIGKILL'],
      ] as const) {
        const run = startCli(world, ['key', 'rotate'])
        await world.until(
          `a guest does ${step}`,
          () => guests.some(({ sim }) => sim.commands.join().includes(step)),
          30,
        )
        let said = ''
        run.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()))
        run.kill(signal)
        const [code] = (await once(run, 'close')) as [number | null]
        expect([code, said]).toEqual(
          signal === 'SIGKILL'
            ? [null, '']
            : [130, expect.stringMatching(/is not finished; all guests stay monitored/)],
        )
        expect(Object.keys(poolConfig(world))).toContain(key)
        for (const guest of guests) expect(keysIn(guest).join()).toContain(oldBlob)
      }
      expect((await cliOn(world)(['key', 'status'])).out).toMatch(/which some guests may still need\n3 guests are left/)
      expect(await cliOn(world)(['key', 'rotate'])).toMatchObject({ code: 0, err: '' })
      expect(await expectSettled(world)).toBe(line)
      for (const guest of guests) {
        expect(keysIn(guest)).toEqual([OTHERS, line])
        expect([world.wipes(guest), guest.sim.counters.connections > 0]).toEqual([0, true])
        await world.untilMonitored(guest)
      }
    }),
  120_000,
)

test.concurrent(
  'a host without the plugin is named and nothing is changed; without daemons all is done too',
  () =>
    World.during({ hosts: 2 }, async (world) => {
      const [first, second] = world.pool.hosts
      const guests = await Promise.all(
        [first!, second!].map((host) => world.addGuest({ host, users, behaviours: [keepsKeys()] })),
      )
      await nextKeyIsMade(world)
      const { code, err } = await cliOn(world)(['key', 'rotate'])
      expect(code).toBe(1)
      expect(err).toMatch(
        /has not been changed yet: xscontainer is not installed on host "sim-host-2"\. Install it on all hosts of the pool, then run xscontainer key rotate again/,
      )
      for (const guest of guests) expect(keysIn(guest).join()).toContain(oldBlob)
      expect(poolConfig(world)[PREVIOUS]).toBeUndefined()
      installPlugin(world)
      expect((await cliOn(world)(['key', 'rotate', '--json'])).out).toMatch(/"pending": \[\]/)
      const line = await expectSettled(world)
      for (const guest of guests) expect(keysIn(guest)).toEqual([OTHERS, line])
      world.pool.setPower(guests[1]!, 'Halted')
      const next = await nextKeyIsMade(world)
      expect((await cliOn(world)(['key', 'rotate'])).out).toMatch(/1 guest is left.*\n.* guest-2: It is halted/)
      expect((await cliOn(world)(['key', 'rotate', '--forget', 'guest-2'])).out).toMatch(
        /The key before it is forgotten\n$/,
      )
      expect(await expectSettled(world)).toBe(next)
      expect(guests.map((guest) => keysIn(guest)[1])).toEqual([next, line])
    }),
  120_000,
)

/** Commands with these marks are begun some time after they came in. */
function slowly(...marks: readonly string[]): Behaviour {
  return {
    name: 'slowly',
    summary: 'Some commands are begun late.',
    begin: () => ({
      exec(command, channel, guest) {
        if (!marks.some((mark) => command.includes(mark))) return false
        setTimeout(() => keepsKeys().begin(guest).exec?.(command, channel, guest), 600)
        return true
      },
    }),
  }
}

test.concurrent(
  'key show makes a key where there is none, and prints one line; key status tells that there is none, or that all is quiet',
  () =>
    World.during({ withKey: false }, async (world) => {
      const cli = cliOn(world)
      expect((await cli(['key', 'status'])).out).toMatch(
        /^This pool has no SSH key yet\. Have one made: xscontainer key show\n$/,
      )
      const { code, out } = await cli(['key', 'show'])
      expect(code).toBe(0)
      expect(out).toMatch(/^ssh-rsa AAAAB3NzaC1yc2E[A-Za-z0-9+/]+=* xscontainer\n$/)
      expect(await expectSettled(world)).toBe(out.trim())
      const { public_key, fingerprint } = JSON.parse((await cli(['key', 'show', '--json'])).out) as Record<
        string,
        string
      >
      expect([`${public_key}\n`, fingerprint]).toEqual([out, expect.stringMatching(/^SHA256:[\w+/]{43}$/)])
      expect((await cli(['key', 'status'])).out).toBe(
        `The key of this pool is ${fingerprint}\nIt is not being changed\n`,
      )
      expect(await cli(['key', 'show', '--next'])).toMatchObject({ code: 1, out: '' })
      expect(await cli(['key', 'shred'])).toMatchObject({
        code: 2,
        err: expect.stringContaining('there is no key "shred"') as string,
      })
    }),
  60_000,
)
