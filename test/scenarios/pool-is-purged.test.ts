import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { cliOn } from './run-cli.ts'
import { OURS, World } from './world.ts'

const NAMED = /^(xscontainer|docker_)/

/** Keys of ours in the pool's other-config. */
async function poolKeys(world: World): Promise<string[]> {
  const config = (await world.call('pool.get_other_config', world.pool.objects.pool)) as Record<string, string>
  return Object.keys(config).filter((key) => NAMED.test(key))
}

async function secrets(world: World): Promise<number> {
  return ((await world.call('secret.get_all')) as unknown[]).length
}

test('purge takes all that is ours out of the pool, and nothing else; the monitor meanwhile writes nothing back', async () => {
  await World.during({ hosts: 1 }, async (world) => {
    const guest = await world.addGuest({ otherConfig: { 'someone-elses': 'kept', 'xscontainer-username': 'core' } })
    await world.call('secret.create', { value: "somebody else's", other_config: {} })
    await world.startDaemon()
    await world.untilMonitored(guest)
    expect(await secrets(world)).toBe(3)

    const { code, out } = await cliOn(world)(['purge', '--yes'])
    expect([code, out]).toEqual([0, 'removed the keys of 1 VMs and 2 secrets\n'])
    await world.untilQuiet(2)
    expect(Object.keys(world.config(guest)).filter((key) => NAMED.test(key))).toEqual([])
    expect(world.config(guest)['someone-elses']).toBe('kept')
    expect([await poolKeys(world), await secrets(world)]).toEqual([[], 1])
  })
})

test('purge without a yes changes nothing', async () => {
  await World.during({}, async (world) => {
    const guest = await world.addGuest()
    for (const answer of ['n\n', '\n', '']) {
      expect(await cliOn(world)(['purge'], answer)).toMatchObject({ code: 1, err: /nothing was changed/ })
    }
    expect(world.config(guest)['xscontainer-monitor']).toBe('True')
    expect((await poolKeys(world)).length).toBe(2)
    expect((await cliOn(world)(['purge'], 'y\n')).code).toBe(0)
    expect(await poolKeys(world)).toEqual([])
  })
})

test("what a killed monitor left is taken back by purge --published, on this host's VMs alone", async () => {
  await World.during({ hosts: 2 }, async (world) => {
    const [here, there] = world.pool.hosts
    const [mine, others] = [await world.addGuest({ host: here! }), await world.addGuest({ host: there! })]
    const daemons = [await world.startDaemon(here), await world.startDaemon(there)]
    await world.untilMonitored(mine)
    await world.untilMonitored(others)
    for (const daemon of daemons) await daemon.kill()

    const { code, out } = await cliOn(world, here)(['purge', '--published'])
    expect([code, out]).toEqual([0, 'removed what was published of 1 VMs\n'])
    expect(world.published(mine)).toEqual([])
    expect(world.published(others)).toEqual(expect.arrayContaining(OURS.filter((key) => key !== 'docker_top')))
    // The registration, the pool's key and the guest's pinned one are the user's.
    expect(world.config(mine)).toMatchObject({ 'xscontainer-monitor': 'True' })
    expect((await poolKeys(world)).length).toBe(2)
  })
})

test('the log is shown for people', async () => {
  await World.during({}, async (world) => {
    const daemon = await world.startDaemon()
    await world.until('the log has a line', () => daemon.log().includes('found this host'))
    const run = cliOn(world)
    const missing = await run(['log'])
    expect([missing.code, missing.err]).toEqual([1, expect.stringContaining('Cannot read the log')])
    const config = join(world.dir, 'log.toml')
    writeFileSync(config, `[log]\nfile = "${daemon.logFile}"\n`)
    const { out } = await run(['log', '-n', '50', '--config', config])
    expect(out).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} INFO {2}found this host in XAPI$/m)
    expect(await run(['log', '--level', 'loud', '--config', config])).toMatchObject({ code: 2 })
  })
})
