import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { configDisks, drivesOf, marked, plainVm, srUuid, TEMPLATE } from './config-drives.ts'
import { callHost, installPlugin, pluginArgument, PLUGIN } from './plugin-clients.ts'
import { World } from './world.ts'

const CLI = fileURLToPath(new URL('../../dist/bin/xscontainer', import.meta.url))

let world: World
beforeAll(async () => {
  const settings = { config_drive: { template: '/nonexistent', tools_isos: '/nonexistent' } }
  world = await World.start({ hosts: 3, settings })
  installPlugin(world)
})
afterAll(() => world.stop())

const held = new Set<string>()
beforeEach(() => {
  for (const method of held) world.pool.before(method, undefined)
})

/** Resolves when somebody calls the method, whose work then waits until `go`. */
function hold(method: string): { readonly reached: Promise<void>; readonly go: () => void } {
  let go = () => {}
  const gone = new Promise<void>((resolve) => (go = resolve))
  held.add(method)
  const reached = new Promise<void>((resolve) => {
    world.pool.before(method, async () => {
      world.pool.before(method, undefined)
      resolve()
      await gone
    })
  })
  return { reached, go }
}

function ended(child: ChildProcess): Promise<{ code: number | null; out: string; err: string }> {
  const text = { out: '', err: '' }
  child.stdout?.on('data', (data: Buffer) => (text.out += data.toString()))
  child.stderr?.on('data', (data: Buffer) => (text.err += data.toString()))
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, ...text })))
}

describe('without a daemon', () => {
  test.each(['VDI.create', 'task.get_record', 'VBD.unplug', 'VBD.destroy'])(
    'a plugin killed while XAPI does %s: one marked drive at each moment, and the next call tidies up',
    async (method) => {
      const vm = plainVm(world, 'victim', 'Running')
      const args = { vmuuid: vm.uuid, sruuid: srUuid(world), configuration: TEMPLATE }
      await callHost(world, world.pool.hosts[0]!, 'create_config_drive', args)
      const disks = configDisks(world).length
      const session = await world.client().login()
      const { reached, go } = hold(method)
      const env = { ...process.env, XSCONTAINER_CONFIG: join(world.dir, 'plugin-0.toml') }
      const child = spawn(PLUGIN, [pluginArgument('create_config_drive', session, Object.entries(args))], { env })
      await reached
      child.kill('SIGKILL')
      await ended(child)
      go()
      expect(marked(world, vm)).toHaveLength(1)
      const answer = await callHost(world, world.pool.hosts[0]!, 'create_config_drive', args)
      expect(drivesOf(world, vm).map(({ vdi }) => `True${String(vdi['uuid'] as string)}`)).toEqual([answer])
      expect(marked(world, vm)).toHaveLength(1)
      expect(configDisks(world)).toHaveLength(disks)
    },
  )

  test('Ctrl-C on the command line: exit status 130, what was begun is gone', async () => {
    const vm = plainVm(world, 'stopped', 'Running')
    const disks = configDisks(world)
    const { reached, go } = hold('VBD.plug')
    const env = { ...process.env, XSCONTAINER_CONFIG: world.configFile() }
    const child = spawn(CLI, ['config-drive', 'create', 'stopped', '--sr', 'Shared storage'], { env })
    const result = ended(child)
    await reached
    child.kill('SIGINT')
    // XAPI's answer must not be there before the signal is.
    await sleep(1000)
    go()
    const { code, out, err } = await result
    expect({ code, out }).toEqual({ code: 130, out: '' })
    expect(err).toContain('interrupted')
    expect(drivesOf(world, vm)).toEqual([])
    expect(configDisks(world)).toEqual(disks)
  })
})

describe('storage of another host', () => {
  const pbd = (host: number) =>
    [...world.pool.db.rows('PBD')].find((row) => row.get('host') === world.pool.hosts[host]!.ref)!
  const plugged = (hosts: readonly boolean[]) =>
    hosts.forEach((is, host) => world.pool.db.set(pbd(host), 'currently_attached', is))
  beforeEach(() => plugged([false, true, false]))
  afterAll(() => plugged([true, true, true]))

  const pluginCalls = () => world.pool.stats.calls['host.call_plugin'] ?? 0

  test('the call is passed on once, and the answer comes back', async () => {
    const vm = plainVm(world, 'far')
    const before = pluginCalls()
    const args = { vmuuid: vm.uuid, sruuid: srUuid(world), configuration: TEMPLATE }
    const answer = await callHost(world, world.pool.hosts[0]!, 'create_config_drive', args)
    expect(pluginCalls() - before).toBe(2)
    const vdiuuid = answer.slice(4)
    expect(marked(world, vm)[0]?.vdi['uuid']).toBe(vdiuuid)
    expect(await callHost(world, world.pool.hosts[2]!, 'get_config_drive_configuration', { vdiuuid })).toBe(
      `True${TEMPLATE}`,
    )
    expect(pluginCalls() - before).toBe(4)
  })

  test('so is the failure, in the words of the host that failed', async () => {
    const vm = plainVm(world, 'far')
    const args = { vmuuid: vm.uuid, sruuid: srUuid(world), configuration: 'hello' }
    const [near, far] = await Promise.all(
      [0, 1].map((host) =>
        callHost(world, world.pool.hosts[host]!, 'create_config_drive', args).catch((error: Error) => error.message),
      ),
    )
    expect(far).toMatch(/^XENAPI_PLUGIN_FAILURE\|create_config_drive\|RefusedError\|[^|]*line 1/)
    expect(near).toBe(far)
  })

  test('two hosts that each take the other for the right one do not go on for ever', async () => {
    const vm = plainVm(world, 'far')
    const args = { vmuuid: vm.uuid, sruuid: srUuid(world), configuration: TEMPLATE, 'xscontainer-passed-on': 'True' }
    await expect(callHost(world, world.pool.hosts[0]!, 'create_config_drive', args)).rejects.toThrow(
      /TransientError.*Try again/,
    )
  })

  test('storage that no host has attached, and none at all', async () => {
    plugged([false, false, false])
    const vm = plainVm(world, 'far')
    const args = { vmuuid: vm.uuid, configuration: TEMPLATE }
    const create = (sruuid: string) => callHost(world, world.pool.hosts[0]!, 'create_config_drive', { ...args, sruuid })
    await expect(create(srUuid(world))).rejects.toThrow(
      /RefusedError\|Storage repository "Shared storage" is not attached/,
    )
    await expect(create(vm.uuid)).rejects.toThrow(/RefusedError\|There is no storage repository with the uuid/)
  })
})
