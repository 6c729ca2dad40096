import { copyFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { rssMb } from '../bench/process-meter.ts'
import { World } from '../scenarios/world.ts'
import { Dom0 } from './dom0.ts'
import { ALL, run } from './packages.ts'

let dom0: Dom0
beforeAll(() => {
  dom0 = new Dom0()
  dom0.install(...ALL)
  run('gcc', ['-static', '-O1', '-o', join(dom0.root, 'old-kernel'), join(import.meta.dirname, 'old-kernel.c')])
})
afterAll(() => dom0.remove())

/** What dom0 may pay for a monitor that has nothing to do. */
const MOST_IDLE_MB = 60
const COMMANDS = ['/usr/bin/xscontainer', '/usr/bin/xscontainer-monitor', '/usr/bin/xscontainer-prepare-vm']

function pluginCall(fn: string): string {
  const args = `<param><value><struct></struct></value></param>`
  return `<methodCall><methodName>${fn}</methodName><params><param><value>OpaqueRef:x</value></param>${args}</params></methodCall>`
}

describe.each<[string, readonly string[]]>([
  ['this kernel', []],
  ['a kernel that looks like 4.19', ['/old-kernel']],
])('on %s', (_, before) => {
  test.each(COMMANDS)('%s starts without a node in PATH', (command) => {
    expect(existsSync(join(dom0.root, 'usr/bin/node'))).toBe(false)
    expect(dom0.run([...before, command, '--version'])).toMatch(/^xscontainer(-monitor)? \d+\.\d+\.\d+\n$/)
  })

  test('the plugin answers, whatever Node finds in the environment', () => {
    const env = { NODE_OPTIONS: '--no-such-option', NODE_EXTRA_CA_CERTS: '/missing', LD_LIBRARY_PATH: '/usr/lib' }
    const answer = dom0.run([...before, '/etc/xapi.d/plugins/xscontainer', pluginCall('version')], env)
    expect(answer).toContain('<name>Status</name><value><string>Success</string>')
    expect(answer).toMatch(/"node":"v24\.\d+\.\d+"/)
  })

  test('the monitor publishes what runs in a guest, and takes it back', async () => {
    await World.during({}, async (world) => {
      const guest = await world.addGuest({ engine: { containers: [{ name: 'web' }] } })
      await monitoring(world, before, async () => {
        await world.untilMonitored(guest)
        expect(world.containers(guest)['web']).toMatchObject({ status: 'Up' })
      })
      expect(world.published(guest)).toEqual([])
    })
  })
})

test('without guests the monitor takes 60 MB at most, also where it has made the key of the pool', async () => {
  await World.during({ withKey: false }, async (world) => {
    await monitoring(world, [], async (pid) => {
      const pool = () => world.pool.record('pool', world.pool.objects.pool)!['other_config'] as object
      await world.until('the pool has a key', () => 'xscontainer-public-secret-uuid' in pool(), 60)
      await world.until('60 MB at most', () => rssMb(pid) <= MOST_IDLE_MB, 30)
      process.stdout.write(`monitor without guests: ${rssMb(pid).toFixed(1)} MB\n`)
    })
  })
})

/** Has the installed monitor run for as long as `work` takes, and ends it as systemd does. */
async function monitoring(
  world: World,
  before: readonly string[],
  work: (pid: number) => Promise<void>,
): Promise<void> {
  const config = world.configFile(undefined, join(world.dir, 'monitor.log'))
  copyFileSync(config, join(dom0.root, 'etc/xscontainer/xscontainer.toml'))
  const monitor = dom0.start([...before, '/usr/bin/xscontainer-monitor', '--watchdog', '10'], [world.dir])
  try {
    await work(monitor.pid!)
  } finally {
    monitor.kill('SIGTERM')
    await new Promise((resolve) => monitor.once('exit', resolve))
  }
  expect(monitor.exitCode).toBe(0)
}
