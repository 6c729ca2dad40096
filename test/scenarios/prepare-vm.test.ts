import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { callHost, installPlugin, untilDaemonsListen } from './plugin-clients.ts'
import { cliOn, TerminalSession, type RunCli } from './run-cli.ts'
import { World, type GuestWish, type WorldGuest } from './world.ts'

const NOT_YET = { otherConfig: { 'xscontainer-monitor': 'False' }, engine: { containers: [{ name: 'web' }] } }

describe('VMs of a pool whose guests know the key already', () => {
  let world: World
  let run: RunCli
  beforeAll(async () => {
    world = await World.start({ hosts: 2 })
    installPlugin(world)
    run = cliOn(world)
    for (const host of world.pool.hosts) await world.startDaemon(host)
    await untilDaemonsListen(world)
  })
  afterAll(() => world.stop())

  const add = (wish: GuestWish = {}) => world.addGuest({ ...NOT_YET, ...wish })
  const ours = (guest: WorldGuest) =>
    Object.entries(world.config(guest)).filter(([key]) => /^(?:xscontainer|docker)[-_]/.test(key))
  const isThere = (uuid: string) =>
    world.call('secret.get_by_uuid', uuid).then(
      () => true,
      () => false,
    )
  const secret = async (value = 'password') =>
    (await world.call('secret.get_uuid', await world.call('secret.create', { value, other_config: {} }))) as string

  test('nothing is asked but whether to go on; again is fine', async () => {
    const guest = await add()
    for (let i = 0; i < 2; i++) {
      const { code, out, err } = await run(['prepare-vm', guest.name], 'y\n')
      expect([code, err]).toEqual([0, 'Is that the guest, and go on? [y/N] \n'])
      expect(out).toContain("it knows the pool's key already")
      expect(Object.keys(world.containers(guest))).toEqual(['web'])
      expect(world.config(guest)).toMatchObject({ 'xscontainer-sshhostkey': guest.sim.hostKey })
    }
    // The user that is taken for granted is not written down.
    expect(world.config(guest)['xscontainer-username']).toBeUndefined()
  })

  test('one on another host of the pool', async () => {
    const guest = await add({ host: world.pool.hosts[1]! })
    expect(await run(['prepare-vm', guest.uuid, '--yes'])).toMatchObject({ code: 0, err: '' })
    expect(Object.keys(world.containers(guest))).toEqual(['web'])
  })

  test('one that is registered and fails is begun anew at once', async () => {
    const guest = await world.addGuest({ ...NOT_YET, otherConfig: { 'xscontainer-username': 'nobody' } })
    await world.untilFailed(guest, /refused the key of this pool for user nobody/)
    expect(await run(['prepare-vm', guest.uuid, '-u', 'core', '--yes'])).toMatchObject({ code: 0, err: '' })
    await world.untilMonitored(guest, 5)
    expect(world.config(guest)['xscontainer-username']).toBeUndefined()
  })

  test.each<[string, GuestWish, RegExp]>([
    [
      'a VM that does not run',
      { powerState: 'Halted' },
      /VM is not running: it is halted\. Start it: xe vm-start uuid=/,
    ],
    ['one without guest tools', { guestTools: false }, /reports no IP address\. Install .* xscontainer-address/],
    [
      'one that reports nonsense',
      { networks: { '0/ip': '224.0.0.1' } },
      /reports no usable IP address: "224\.0\.0\.1"/,
    ],
    [
      'one whose address nobody has',
      { networks: { '0/ip': '127.255.255.253' } },
      /No SSH server listens at 127\.255\.255\.253/,
    ],
  ])('%s: exit code 1, the cause and its cure', async (_what, wish, cause) => {
    const guest = await add(wish)
    const before = ours(guest)
    const { code, out, err } = await run(['prepare-vm', guest.uuid, '--yes'])
    expect(err).toMatch(cause)
    expect([code, out]).toEqual([1, expect.stringMatching(/ \.\. failed\n$/)])
    expect(ours(guest)).toEqual(before)
  })

  test('an address of the administrator’s replaces those', async () => {
    const guest = await add({ networks: { '0/ip': '224.0.0.1' } })
    await world.setKey(guest, 'xscontainer-address', guest.sim.address)
    expect((await run(['prepare-vm', guest.uuid, '--yes'])).code).toBe(0)
  })

  test('no, nobody there, and wrong words: nothing is changed', async () => {
    const guest = await add()
    const before = ours(guest)
    expect(await run(['prepare-vm', guest.uuid], 'n\n')).toMatchObject({
      code: 1,
      err: expect.stringContaining('nothing was changed') as string,
    })
    expect(await run(['prepare-vm', guest.uuid], '')).toMatchObject({
      code: 1,
      err: expect.stringContaining('--yes') as string,
    })
    for (const words of [
      [],
      [guest.uuid, '--mode', 'x'],
      [guest.uuid, '-u', 'a b'],
      [guest.uuid, '--password-file', 'a', '--identity', 'b'],
    ]) {
      expect([words, (await run(['prepare-vm', ...words, '--yes'])).code]).toEqual([words, 2])
    }
    expect((await run(['prepare-vm', guest.uuid, '--yes', '--password-file', '/nowhere'])).err).toMatch(
      /Cannot read \/nowhere: ENOENT/,
    )
    expect(ours(guest)).toEqual(before)
  })

  test('Ctrl-C at the question: 130', async () => {
    const guest = await add()
    const before = ours(guest)
    const session = new TerminalSession(world, `xscontainer prepare-vm ${guest.uuid}; echo "code $?"`)
    onTestFinished(() => session.kill())
    await session.until(world, /go on\? \[y\/N\] $/)
    session.type('\u0003')
    await session.until(world, /code 130/)
    expect(ours(guest)).toEqual(before)
  })

  test('--dry-run and --undo', async () => {
    const guest = await add()
    const before = ours(guest)
    const looked = await run(['prepare-vm', guest.uuid, '--dry-run'])
    expect([looked.code, looked.err]).toEqual([0, ''])
    expect(looked.out).toMatch(
      /ask the engine for its containers \.\. done\n {2}Docker \S+ 1 container\n[^]*Nothing was changed/,
    )
    expect(ours(guest)).toEqual(before)
    const undone = await run(['prepare-vm', guest.uuid, '--undo', '--dry-run'])
    expect(undone.out).toMatch(/Would deregister the VM/)
    expect(ours(guest)).toEqual(before)
  })

  test('the plugin, for a VM of another host: the secret is gone whoever does it, or cannot', async () => {
    const guest = await add({ host: world.pool.hosts[1]! })
    const call = (args: Record<string, string>) =>
      callHost(world, world.pool.hosts[0]!, 'prepare_vm', { vmuuid: guest.uuid, ...args })
    const used = await secret()
    expect(await call({ 'password-secret': used })).toMatch(/^True[^]*wait for the container list \.\. done/)
    expect(Object.keys(world.containers(guest))).toEqual(['web'])
    const refused = await secret('wrong')
    await expect(call({ 'password-secret': refused, username: 'nobody' })).rejects.toThrow(
      /XENAPI_PLUGIN_FAILURE\|prepare_vm\|RefusedError\|.*takes no passwords from user nobody/,
    )
    const unknown = await secret()
    await expect(call({ 'password-secret': unknown, vmuuid: '00000000-0000-4000-8000-000000000000' })).rejects.toThrow(
      /There is no VM/,
    )
    await expect(call({ 'password-secret': 'nosuch' })).rejects.toThrow(/There is no secret "nosuch"/)
    expect(await call({ 'dry-run': 'true' })).toMatch(/Nothing was changed/)
    rmSync(join(world.pool.hosts[1]!.pluginsDir, 'xscontainer'))
    const unsent = await secret()
    await expect(call({ 'password-secret': unsent })).rejects.toThrow(/does not have xscontainer installed/)
    expect(await Promise.all([used, refused, unknown, unsent].map(isThere))).toEqual([false, false, false, false])
  })
})

test('without a monitor the VM is registered, its engine proven, and that is said', () =>
  World.during({}, async (world) => {
    const guest = await world.addGuest({ name: 'alone', ...NOT_YET })
    const { code, out } = await cliOn(world)(['prepare-vm', guest.uuid, '--yes'])
    expect(code).toBe(0)
    expect(out).toMatch(
      /ask the engine for its containers \.\. done[^]*register the VM \.\. done\nwait for the container list \.\. left out: .*nobody publishes it; the engine answers\. .*systemctl start xscontainer-monitor/,
    )
    expect(world.config(guest)['xscontainer-monitor']).toBe('True')
    await world.startDaemon()
    await world.untilMonitored(guest)
  }))

test('a pool without a key: one is made when the guest is to have it, not before', () =>
  World.during({ withKey: false }, async (world) => {
    const guest = await world.addGuest(NOT_YET)
    const run = cliOn(world)
    const pool = () => world.pool.record('pool', world.pool.objects.pool)!['other_config'] as Record<string, string>
    const looked = await run(['prepare-vm', guest.uuid, '--dry-run'])
    expect([looked.code, looked.out]).toEqual([0, expect.stringContaining("Would make the pool's key.") as string])
    expect(pool()['xscontainer-private-secret-uuid']).toBeUndefined()
    // The guest lets nobody in by a key it does not know; by then there is one.
    const refused = await run(['prepare-vm', guest.uuid, '--yes'])
    expect(refused.out).toContain("make the pool's key .. done")
    expect(pool()['xscontainer-private-secret-uuid']).toBeDefined()
  }))
