import { expect, test } from 'vitest'
import { callHost, installPlugin, pluginLog } from './plugin-clients.ts'
import { World, type WorldGuest } from './world.ts'

const SECONDS_60 = 60_000
/** So that whoever asks for processes is the plugin. */
const NO_SAMPLES = { settings: { monitor: { top_schedule: 'off' } } }

async function setUp(world: World): Promise<WorldGuest> {
  installPlugin(world)
  await world.startDaemon()
  const guest = await world.addGuest({ engine: { containers: [{ name: 'web' }] } })
  await world.untilMonitored(guest)
  return guest
}

function call(world: World, fn: string, guest: WorldGuest): Promise<string> {
  return callHost(world, world.pool.hosts[0]!, fn, { vmuuid: guest.uuid, container: 'web', object: 'web' })
}

/** Requests like this wait for ever; resolves when one does. */
function holdRequests(guest: WorldGuest, like: RegExp): Promise<void> {
  return new Promise((resolve) => {
    guest.engine.addFaults({
      request(req) {
        if (!like.test(req.url ?? '')) return false
        resolve()
        return true
      },
    })
  })
}

test(
  'the daemon is killed in mid-call: a clear failure, and the next call is done without it',
  async () => {
    await World.during(NO_SAMPLES, async (world) => {
      const guest = await setUp(world)
      const held = holdRequests(guest, /\/top/)
      const answer = call(world, 'get_top', guest).catch((error: Error) => error.message)
      await held
      await world.daemons[0]!.kill()
      expect(await answer).toMatch(/^XENAPI_PLUGIN_FAILURE\|get_top\|TransientError\|The monitor .*went away.*\. .+/)
      expect(pluginLog(world)).toBe('')

      expect(await call(world, 'pause', guest)).toBe('True')
      expect(world.containers(guest)['web']?.['status']).toBe('Up (Paused)')
      expect(pluginLog(world)).toMatch(/"level":"info".*without the daemon/)
    })
  },
  SECONDS_60,
)

test(
  'the daemon hangs: the call is done without it, and it does not do it again when it wakes up',
  async () => {
    await World.during({}, async (world) => {
      const guest = await setUp(world)
      world.daemons[0]!.freeze()
      expect(await call(world, 'restart', guest)).toBe('True')
      expect(guest.engine.requestCount(/restart$/)).toBe(1)
      world.daemons[0]!.resume()
      expect(await call(world, 'pause', guest)).toBe('True')
      expect(guest.engine.requestCount(/restart$/)).toBe(1)
    })
  },
  SECONDS_60,
)

test.each(['up', 'down'])(
  'the guest hangs during the call, the daemon is %s: a failure in time',
  async (daemon) => {
    await World.during(NO_SAMPLES, async (world) => {
      const guest = await setUp(world)
      if (daemon === 'down') await world.daemons[0]!.terminate()
      const held = holdRequests(guest, /\/top/)
      const answer = call(world, 'get_top', guest).catch((error: Error) => error.message)
      await held
      expect(await answer).toMatch(/^XENAPI_PLUGIN_FAILURE\|get_top\|\w+\|The container engine did not answer.*\. .+/)
      guest.sim.freeze()
      expect(await call(world, 'pause', guest).catch((error: Error) => error.message)).toMatch(
        /^XENAPI_PLUGIN_FAILURE\|pause\|\w+\|.+\. .+/,
      )
    })
  },
  150_000,
)
