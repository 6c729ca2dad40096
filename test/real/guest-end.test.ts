import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, it } from 'vitest'
import { describeReal } from './describe-real.ts'
import { RealDockerd } from './real-dockerd.ts'
import { RealGuest } from './real-guest.ts'
import { RealPodman } from './real-podman.ts'
import { RealSshd } from './real-sshd.ts'
import { waitUntil } from './wait-until.ts'

describeReal('the end of a guest', ['sshd', 'dockerd', 'podman'], () => {
  let guest: RealGuest | undefined
  afterEach(() => guest?.stop())

  it('leaves nothing, even with paused containers', async () => {
    const before = traces()
    guest = await RealGuest.start()
    const dockerd = await RealDockerd.start(guest)
    const podman = await RealPodman.start(guest)
    await RealSshd.start(guest)
    await guest.addUser({ name: 'xsctest', groups: ['docker'] })
    await dockerd.containers.run({ name: 'paused', ports: ['8080:80'] })
    await dockerd.containers.pause('paused')
    await podman.containers.run({ name: 'paused', network: 'none' })
    await podman.containers.pause('paused')
    const pids = guest.pids()
    expect(pids.length).toBeGreaterThan(6)
    expect(await guest.exec('id', '-Gn', 'xsctest')).toBe('xsctest docker\n')
    expect(await cgroupsOf(guest.cgroup)).not.toEqual([])

    await guest.stop()

    expect(pids.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([])
    expect(existsSync(guest.dir)).toBe(false)
    expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(guest.cgroup)
    expect(await cgroupsOf(guest.cgroup)).toEqual([])
    expect(traces()).toEqual(before)
  })

  it('comes with the end of the test process, even when that was killed and the engine stood still', async () => {
    const script = fileURLToPath(new URL('./crash-victim.ts', import.meta.url))
    const victim = spawn(process.execPath, ['--import', 'tsx', script], { stdio: ['ignore', 'pipe', 'inherit'] })
    const lines = createInterface({ input: victim.stdout })
    const line = await new Promise<string>((resolve) => lines.once('line', resolve))
    const { dir, pids } = JSON.parse(line) as { dir: string; pids: number[] }
    expect(pids.filter((pid) => existsSync(`/proc/${pid}`))).toEqual(pids)

    victim.kill('SIGKILL')

    await waitUntil('the folder of the guest is gone', () => !existsSync(dir))
    expect(pids.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([])
  })

  it('can be had while it stands still', async () => {
    guest = await RealGuest.start()
    await RealDockerd.start(guest)
    guest.freeze()
    await guest.stop()
    expect(existsSync(guest.dir)).toBe(false)
  })
})

/** What a guest might leave on the host besides processes and files. */
function traces(): unknown {
  return {
    links: Object.keys(networkInterfaces()),
    users: readFileSync('/etc/passwd', 'utf8'),
    forwarding: readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8'),
    hostname: readFileSync('/proc/sys/kernel/hostname', 'utf8'),
  }
}

async function cgroupsOf(name: string): Promise<string[]> {
  const all: string[] = await readdir('/sys/fs/cgroup', { recursive: true })
  return all.filter((path) => path.includes(name))
}
