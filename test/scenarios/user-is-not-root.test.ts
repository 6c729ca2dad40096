import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { pluginArgument } from '../sim/xapi/plugin-protocol.ts'
import { socketOf } from './control-socket.ts'
import { World } from './world.ts'

const DIST = fileURLToPath(new URL('../../dist', import.meta.url))
const NOBODY = 65_534

/** The built programs where everybody may read them. */
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'xsc-nobody-'))
  chmodSync(folder, 0o755)
  mkdirSync(join(folder, 'dist'))
  cpSync(DIST, join(folder, 'dist'), { recursive: true })
})
afterAll(() => rmSync(folder, { recursive: true }))

function asNobody(file: string, ...args: string[]) {
  const path = join(folder, 'dist', file)
  return spawnSync(path, args, { uid: NOBODY, gid: NOBODY, cwd: '/', encoding: 'utf8' })
}

const isRoot = process.getuid?.() === 0

test.runIf(isRoot)('the command says that it is for root, and helps anybody', () => {
  for (const words of [['status'], ['key', 'show'], ['prepare-vm', 'web']]) {
    const { status, stdout, stderr } = asNobody('bin/xscontainer', ...words)
    expect([status, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/^xscontainer: xscontainer runs as the user with number 65534, but only root .* sudo\n$/)
  }
  expect(asNobody('bin/xscontainer-prepare-vm', '-v', 'x').stderr).toMatch(/only root of this host may use it/)
  expect(asNobody('bin/xscontainer', 'status', '--help')).toMatchObject({ status: 0, stderr: '' })
  expect(asNobody('bin/xscontainer', '--version').stdout).toMatch(/^xscontainer \d/)
})

test.runIf(isRoot)('the plugin says so as a failure that XAPI passes on', () => {
  const { status, stdout } = asNobody('plugins/xscontainer', pluginArgument('version', 'OpaqueRef:x', []))
  expect(status).toBe(0)
  expect(stdout).toMatch(/XENAPI_PLUGIN_FAILURE[^]*version[^]*RefusedError[^]*The plugin xscontainer runs as the user/)
})

test.runIf(isRoot)('nobody but root connects to the control socket', () =>
  World.during({}, async (world) => {
    await world.startDaemon()
    await world.until('it listens', () => world.daemons[0]!.log().includes('listening on the control socket'))
    // As in dom0 anybody may look into /run; only the socket itself is in the way here.
    chmodSync(world.dir, 0o755)
    const script = `require('net').connect(process.argv[1]).on('connect', () => console.log('in')).on('error', (e) => console.log(e.code))`
    const run = (uid: number) =>
      spawnSync(process.execPath, ['-e', `${script}.setTimeout(500, () => process.exit())`, socketOf(world)], {
        uid,
        gid: uid,
        encoding: 'utf8',
      }).stdout
    expect(run(NOBODY)).toBe('EACCES\n')
    expect(run(0)).toBe('in\n')
  }),
)
