import { copyFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
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
      const config = world.configFile(undefined, join(world.dir, 'monitor.log'))
      copyFileSync(config, join(dom0.root, 'etc/xscontainer/xscontainer.toml'))
      const monitor = dom0.start([...before, '/usr/bin/xscontainer-monitor', '--watchdog', '10'], [world.dir])
      try {
        await world.untilMonitored(guest)
        expect(world.containers(guest)['web']).toMatchObject({ status: 'Up' })
      } finally {
        monitor.kill('SIGTERM')
        await new Promise((resolve) => monitor.once('exit', resolve))
      }
      expect(monitor.exitCode).toBe(0)
      expect(world.published(guest)).toEqual([])
    })
  })
})
