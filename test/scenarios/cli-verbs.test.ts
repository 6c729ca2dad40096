import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { installPlugin, untilDaemonsListen } from './plugin-clients.ts'
import { cliOn, type RunCli } from './run-cli.ts'
import { World, type WorldGuest } from './world.ts'

const LOG = ['first\n', '\u001b[31mred\u001b[0m\ttab\n', 'last\n']
const BINARY = Buffer.from(Array.from({ length: 3000 }, (_, i) => (i * 89) % 256))

/** The same with and without a monitor, on this host and on another: the same answers. */
describe.each([
  ['with a monitor', true],
  ['without one', false],
])('verbs %s', (_, monitored) => {
  let world: World
  let near: WorldGuest
  let far: WorldGuest
  let run: RunCli
  beforeAll(async () => {
    world = await World.start({ hosts: 2 })
    installPlugin(world)
    run = cliOn(world)
    const containers = [{ name: 'web', log: LOG }, { name: 'db' }, { name: 'done', state: 'exited' as const }]
    near = await world.addGuest({ name: 'near', engine: { containers } })
    far = await world.addGuest({ name: 'far', host: world.pool.hosts[1]!, engine: { containers } })
    near.engine.run({ name: 'binary' })
    near.engine.print('binary', BINARY)
    if (!monitored) return
    for (const host of world.pool.hosts) await world.startDaemon(host)
    for (const guest of [near, far]) await world.untilMonitored(guest)
    await untilDaemonsListen(world)
  })
  afterAll(() => world.stop())

  /** Without a monitor the command says so, and nothing else. */
  function expectNotes(err: string): void {
    if (monitored) expect(err).toBe('')
    else
      expect(err).toMatch(
        /^(xscontainer: The monitor does not run on this host.*systemctl start xscontainer-monitor\n)*$/,
      )
  }

  test.each(['near', 'far'])('stop, start, restart, pause and unpause on the host that is %s', async (vm) => {
    const guest = vm === 'near' ? near : far
    const state = () => guest.engine.store.find('web').live.state
    for (const [verb, then] of [
      ['stop', 'exited'],
      ['start', 'running'],
      ['pause', 'paused'],
      ['unpause', 'running'],
      ['restart', 'running'],
      ['start', 'running'],
    ] as const) {
      const { code, out, err } = await run([verb, vm, 'web'])
      expect([code, out]).toEqual([0, 'web\n'])
      expectNotes(err)
      expect(state()).toBe(then)
    }
    const several = await run(['restart', vm, 'web', 'nobody', 'db'])
    expect([several.code, several.out]).toEqual([1, 'web\ndb\n'])
    expect(several.err).toMatch(/restart nobody: .*No such container: nobody\. .+\n/)
  })

  test('what was done shows in the list at once', async () => {
    await run(['stop', 'far', 'db'])
    if (monitored) expect((await run(['ps', '-a', 'far'])).out).toMatch(/Exited \(\d+\) +db\n/)
    await run(['start', 'far', 'db'])
    if (monitored) expect((await run(['ps', 'far'])).out).toMatch(/Up +db\n/)
  })

  test.each(['near', 'far'])('inspect, top and stats on the host that is %s', async (vm) => {
    const inspect = await run(['inspect', vm, 'web', 'db'])
    expectNotes(inspect.err)
    expect(JSON.parse(inspect.out)).toMatchObject([{ Name: '/web', State: { Running: true } }, { Name: '/db' }])
    const one = await run(['top', vm, 'web'])
    expectNotes(one.err)
    expect(one.out).toMatch(/^UID +PID +PPID .*CMD\nroot +\d+ /)
    const all = await run(['top', vm])
    expect(all.code).toBe(0)
    expect(all.out).toMatch(/^CONTAINER .*PID/)
    expect(all.out).toMatch(/\nweb .*\n/)
    expect(all.out).toMatch(/\ndb .*\n/)
    const stats = await run(['stats', vm])
    expectNotes(stats.err)
    expect(stats.out).toMatch(/^CONTAINER ID +NAME +CPU % +MEM USAGE \/ LIMIT +MEM % +NET I\/O +BLOCK I\/O +PIDS\n/)
    expect(stats.out).toMatch(/\n\w{10} +web +[\d.]+% +40MiB \/ 1GiB /)
    expect(stats.out).not.toContain('done')
    const json = JSON.parse((await run(['stats', vm, 'web', '--json'])).out) as unknown[]
    expect(json).toEqual([expect.objectContaining({ name: 'web', memory_used: 40 * 1024 * 1024 })])
  })

  test('logs: the last lines, without colours; of binary nothing that steers', async () => {
    const { code, out, err } = await run(['logs', 'near', 'web'])
    expect([code, out]).toEqual([0, 'first\nred\ttab\nlast\n'])
    expectNotes(err)
    expect((await run(['logs', 'near', 'web', '-n', '1'])).out).toBe('last\n')
    expect((await run(['logs', 'far', 'web', '--tail', '1'])).out).toBe('last\n')
    expect((await run(['logs', 'near', 'web', '--since', '2100-01-01'])).out).toBe('')
    const binary = await run(['logs', 'near', 'binary'])
    expect(binary.out.length).toBeGreaterThan(1000)
    expect(binary.out).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/)
  })

  test.each([
    [['logs', 'near', 'nobody'], 1, 'No such container: nobody'],
    [['logs', 'near', 'web', '--since', 'yesterday'], 2, 'The argument since is "yesterday"'],
    [['inspect', 'far', 'nobody'], 1, 'No such container: nobody'],
    [['top', 'near', 'done'], 1, 'is not running'],
    [['stop', 'near', '../../version'], 1, 'neither a container'],
    [['stop', 'near', 'a b'], 1, 'neither a container'],
  ])('%j: exit %d, with the reason', async (words, code, why) => {
    const result = await run(words)
    expect(result.code).toBe(code)
    expect(result.err).toContain(why)
  })

  test('a conversation with a VM elsewhere is for its own host', async () => {
    const { code, err } = await run(['exec', 'far', 'web', 'true'])
    expect(code).toBe(1)
    expect(err).toContain("The VM runs on host sim-host-2, and exec works on the VM's own host only")
  })

  test.each([
    ['exec', ['exec', 'near', 'web', 'true']],
    ['watch', ['watch']],
    ['logs --follow', ['logs', '-f', 'near', 'web']],
  ])('%s needs the monitor, and says so where there is none', async (what, words) => {
    const { code, out, err } = await run(words, '', what === 'logs --follow' ? 2500 : undefined)
    if (monitored) return expect(err).toBe('')
    expect([code, out]).toEqual([1, ''])
    expect(err).toMatch(
      new RegExp(
        `^xscontainer: ${what} needs the monitor of this host\\. The monitor does not run .*systemctl start xscontainer-monitor\\n$`,
      ),
    )
  })

  test('register and deregister', async () => {
    const { uuid, ref } = near
    expect(await run(['deregister', 'near'])).toMatchObject({ code: 0, out: `deregistered ${uuid} near\n` })
    expect(world.config({ ref })['xscontainer-monitor']).toBe('False')
    const fresh = world.pool.createVm({ name: 'fresh', host: world.pool.hosts[0]! })
    expect(await run(['ps', 'fresh'])).toMatchObject({ code: 2 })
    expect(await run(['register', 'fresh'])).toMatchObject({ code: 0, out: `registered ${fresh.uuid} fresh\n` })
    expect(world.config(fresh)['xscontainer-monitor']).toBe('True')
    expect(await run(['register', 'near'])).toMatchObject({ code: 0 })
    expect(world.config({ ref })['xscontainer-monitor']).toBe('True')
  })
})
