import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Dom0 } from './dom0.ts'
import { ALL, run } from './packages.ts'

const UNIT = 'usr/lib/systemd/system/xscontainer-monitor.service'

let dom0: Dom0
let folder: string
beforeAll(() => {
  dom0 = new Dom0()
  dom0.install(...ALL)
  folder = mkdtempSync(join(tmpdir(), 'xsc-unit-'))
})
afterAll(() => {
  dom0.remove()
  rmSync(folder, { recursive: true, force: true })
})

test('systemd takes the unit; what it does not know, or would have otherwise, is what old and new systemds need', () => {
  // The programs it starts are in another root.
  const text = dom0.read(UNIT).replace('/usr/bin/xscontainer-monitor', '/bin/true')
  const unit = join(folder, 'xscontainer-monitor.service')
  writeFileSync(unit, text)
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', unit], { encoding: 'utf8' })
  const known = /RestartSteps|RestartMaxDelaySec|CPUShares=|MemoryLimit=|BlockIOWeight=/
  const surprises = stderr.split('\n').filter((line) => line.includes('xscontainer-monitor') && !known.test(line))
  expect([status, surprises]).toEqual([0, []])
})

test('systemd finds the service well confined', () => {
  const report = run('systemd-analyze', ['security', '--no-pager', `--offline=true`, join(dom0.root, UNIT)])
  const [, exposure = '10'] = /Overall exposure level.*: ([\d.]+)/.exec(report) ?? []
  expect(Number(exposure)).toBeLessThanOrEqual(2.5)
})

test('no allow list of system calls: systemd 219 knows no groups, and would forbid all', () => {
  const lines = dom0
    .read(UNIT)
    .split('\n')
    .filter((line) => line.startsWith('SystemCallFilter='))
  expect(lines.length).toBeGreaterThan(0)
  for (const line of lines) expect(line).toMatch(/^SystemCallFilter=~/)
})

test('what the unit starts is there, and takes the options that it is given', () => {
  const [, command = '', options = ''] = /^ExecStart=(\S+) (.*)$/m.exec(dom0.read(UNIT)) ?? []
  expect(dom0.has(command)).toBe(true)
  expect(dom0.run([command, ...options.split(' '), '--version'])).toMatch(/^xscontainer-monitor \d/)
})

test('rpmlint finds no error but those that were looked at', () => {
  const { stdout } = spawnSync('rpmlint', ['-r', 'rpm/rpmlintrc', ...ALL], { encoding: 'utf8' })
  expect(stdout).toMatch(/\d+ packages|3 packages/)
  expect(stdout.split('\n').filter((line) => / E: /.test(line))).toEqual([])
})
