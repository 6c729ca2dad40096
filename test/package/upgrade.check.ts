import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { Dom0 } from './dom0.ts'
import { ALL, PROGRAMS, UPDATE } from './packages.ts'
import { standIn } from './predecessor.ts'

let folder: string
let predecessor: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'xsc-old-'))
  predecessor = standIn('predecessor', folder)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The runtime has no scriptlets, and takes long to unpack: it is left out where nothing of it is asked. */
const LIGHT = [PROGRAMS, UPDATE]
const NAMES = ['-e', 'update-xscontainer', 'xscontainer']

function dom0(options: { systemd?: boolean; xapi?: boolean } = {}): Dom0 {
  const one = new Dom0(options)
  onTestFinished(() => one.remove())
  return one
}

/** What systemd was asked to do, reloading aside. */
function asked(one: Dom0): string[] {
  return one
    .read('systemctl.log')
    .split('\n')
    .filter((line) => /^(--no-reload )?(enable|disable|start|stop|restart|preset)/.test(line))
}

test('installing says nothing, enables the service and starts it where XAPI runs; erasing leaves nothing', () => {
  const one = dom0()
  const before = one.files()
  expect(one.install(...ALL)).toBe('')
  expect(asked(one)).toEqual(['enable xscontainer-monitor.service', 'restart xscontainer-monitor.service'])
  one.put('var/log/xscontainer.log.1.gz', 'x')
  one.put('run/xscontainer/control.sock', '')

  expect(one.rpm(...NAMES, 'xscontainer-runtime')).toBe('')
  expect(asked(one).slice(2)).toEqual([
    '--no-reload disable xscontainer-monitor.service',
    'stop xscontainer-monitor.service',
  ])
  expect(one.files()).toEqual(before)
})

test('what the administrator has set stays through upgrades', () => {
  const one = dom0()
  one.install(...LIGHT)
  one.put('etc/xscontainer/xscontainer.toml', '[log]\nlevel = "debug"\n')
  one.rpm('-U', '--nodeps', '--force', ...LIGHT)
  expect(one.read('etc/xscontainer/xscontainer.toml')).toBe('[log]\nlevel = "debug"\n')
})

test('in an installer, without systemd and XAPI, nothing is started and nothing said', () => {
  const one = dom0({ systemd: false, xapi: false })
  const before = one.files()
  expect(one.install(...LIGHT)).toBe('')
  expect(asked(one)).toEqual(['enable xscontainer-monitor.service'])
  expect(one.read('xe.log')).toBe('')
  expect(one.rpm(...NAMES)).toBe('')
  expect(asked(one).slice(1)).toEqual(['--no-reload disable xscontainer-monitor.service'])
  expect(one.files()).toEqual(before)
})

test('before XAPI runs nothing is started', () => {
  const one = dom0({ xapi: false })
  one.install(...LIGHT)
  expect(asked(one)).toEqual(['enable xscontainer-monitor.service'])
})

test('the predecessor is replaced: its files go, its service ends and ours starts, once', () => {
  const one = dom0()
  one.install(predecessor)
  expect(one.has('usr/lib/python2.7/site-packages/xscontainer')).toBe(true)
  expect(one.install(...LIGHT)).toBe('')
  expect(asked(one)).toEqual(['preset xscontainer-monitor.service', 'restart xscontainer-monitor.service'])
  expect(one.has('usr/lib/python2.7/site-packages/xscontainer')).toBe(false)
  expect(one.rpm('-q', 'xscontainer')).toMatch(/^xscontainer-1[1-9]\.[^\n]*\n$/)
  for (const file of ['usr/bin/xscontainer-monitor', 'etc/xapi.d/plugins/xscontainer']) {
    expect(one.read(file)).toContain('exec /opt/xscontainer/bin/node')
  }
  expect(one.rpm('-V', '--nodeps', 'xscontainer')).not.toMatch(/missing|^..5/m)
})
