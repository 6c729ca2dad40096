import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { cliOn, type RunCli } from '../scenarios/run-cli.ts'
import { POOL_PUBLIC_LINE, type World } from '../scenarios/world.ts'
import type { SimVm } from '../sim/xapi/pool-helpers.ts'
import { describeReal } from './describe-real.ts'
import { RealDockerd } from './real-dockerd.ts'
import { RealGuest } from './real-guest.ts'
import { RealSshd } from './real-sshd.ts'
import { endAll, startWorld, type RealSetting } from './real-world.ts'

vi.setConfig({ testTimeout: 120_000 })
const PASSWORD = `it's "secret" $HOME \\ !`
const BLOB = POOL_PUBLIC_LINE.split(' ')[1]!

describeReal('prepare-vm on a stock sshd with a real dockerd', ['sshd', 'dockerd'], () => {
  const setting: RealSetting = { guests: [] }
  let world: World
  let guest: RealGuest
  let sshd: RealSshd
  let run: RunCli
  let passwordFile: string

  beforeAll(async () => {
    guest = await RealGuest.start()
    setting.guests.push(guest)
    const dockerd = await RealDockerd.start(guest, { net: 'host' })
    sshd = await RealSshd.start(guest, { network: '127.67.0' })
    await dockerd.containers.run({ name: 'web', network: 'none' })
    world = setting.world = await startWorld(sshd.port)
    run = cliOn(world)
    passwordFile = join(world.dir, 'password')
    await writeFile(passwordFile, `${PASSWORD}\n`, { mode: 0o600 })
    await world.startDaemon()
  }, 120_000)
  afterAll(() => endAll(setting))

  /** A fresh user with a password, and a VM that nobody has prepared. */
  async function fresh(name: string, groups: readonly string[] = ['docker'], shell = '/bin/bash'): Promise<SimVm> {
    await guest.addUser({ name, groups })
    await guest.exec('sh', '-c', 'printf "%s:%s\\n" "$1" "$2" | chpasswd; usermod -s "$3" "$1"', 'sh', name, PASSWORD, shell)
    return world.pool.createVm({ name, networks: { '0/ip': sshd.address } })
  }

  const keysOf = (user: string) => readFile(guest.inside(`/home/${user}/.ssh/authorized_keys`), 'utf8')

  it('from password login to monitored by one command, and back', async () => {
    const vm = await fresh('anna')
    const before = world.config(vm)
    const done = await run(['prepare-vm', vm.uuid, '-u', 'anna', '--password-file', passwordFile, '--yes'])
    console.log(done)
    expect(done.code).toBe(0)
    expect(await keysOf('anna')).toBe(`${POOL_PUBLIC_LINE}\n`)
    expect(Object.keys(world.containers(vm))).toEqual(['web'])
    const back = await run(['prepare-vm', vm.uuid, '--undo', '--yes'])
    console.log(back)
    expect(back.code).toBe(0)
    expect(await keysOf('anna')).not.toContain(BLOB)
    expect(world.config(vm)).toEqual({ ...before, 'xscontainer-monitor': 'False' })
  })
})
