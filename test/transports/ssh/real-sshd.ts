import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'

export const SSHD = '/usr/sbin/sshd'
/** sshd logs other users in only when it runs as root. */
export const sshdUsable = existsSync(SSHD) && process.getuid?.() === 0

export interface RealSshd {
  readonly address: string
  readonly port: number
  readonly dir: string
  /** Number of connections to it at this moment, as the kernel sees them. */
  connections(): number
  /** Ends the processes that serve the connections, as a guest that dies would. */
  dropConnections(): void
  stop(): Promise<void>
}

export interface SshdOptions {
  readonly address: string
  /** authorized_keys of every user. */
  readonly authorized: string
  /** More lines for sshd_config. */
  readonly config?: readonly string[]
  readonly hostKeyTypes?: readonly ('rsa' | 'ecdsa' | 'ed25519')[]
}

/** A stock sshd with its own configuration and host keys, on a free port of a loopback address. */
export async function startSshd(options: SshdOptions): Promise<RealSshd> {
  const dir = mkdtempSync(join(tmpdir(), 'xsc-sshd-'))
  chmodSync(dir, 0o755) // sshd reads authorized_keys as the user who logs in
  mkdirSync('/run/sshd', { recursive: true, mode: 0o755 })
  const port = await freePort(options.address)
  const keys = (options.hostKeyTypes ?? ['ed25519']).map((type) => hostKey(dir, type))
  writeFileSync(join(dir, 'authorized_keys'), options.authorized)
  const config = [
    `ListenAddress ${options.address}`,
    `Port ${port}`,
    ...keys.map((path) => `HostKey ${path}`),
    `AuthorizedKeysFile ${join(dir, 'authorized_keys')}`,
    `PidFile ${join(dir, 'pid')}`,
    'StrictModes no',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    ...(options.config ?? []),
  ]
  writeFileSync(join(dir, 'sshd_config'), `${config.join('\n')}\n`)
  const child = spawn(SSHD, ['-D', '-f', join(dir, 'sshd_config'), '-E', join(dir, 'log')], { stdio: 'ignore' })
  await untilListening(options.address, port, () => child.exitCode !== null)
  const endChildren = () => {
    for (const pid of childrenOf(child.pid ?? 0)) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // It has ended by itself in between.
      }
    }
  }
  return {
    address: options.address,
    port,
    dir,
    connections: () => established(options.address, port).length,
    dropConnections: endChildren,
    stop: async () => {
      endChildren()
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

function hostKey(dir: string, type: string): string {
  const path = join(dir, `host_${type}`)
  execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-f', path])
  return path
}

/** A port that was free a moment ago. */
export async function freePort(address: string): Promise<number> {
  const server = createServer().listen(0, address)
  await once(server, 'listening')
  const bound = server.address()
  server.close()
  await once(server, 'close')
  if (bound === null || typeof bound === 'string') throw new Error('no port')
  return bound.port
}

async function untilListening(host: string, port: number, dead: () => boolean): Promise<void> {
  for (;;) {
    if (dead()) throw new Error('sshd did not start')
    const socket = connect({ host, port })
    const up = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (up) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

function established(address: string, port: number): string[] {
  const out = execFileSync('ss', ['-Htn', 'state', 'established', 'src', `${address}:${port}`]).toString()
  return out.split('\n').filter(Boolean)
}

/** All descendants, leaves first. */
function childrenOf(pid: number): number[] {
  const out = execFileSync('ps', ['-eo', 'pid=,ppid=']).toString()
  const pairs = out
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
  const below = (parent: number): number[] =>
    pairs.filter(([, ppid]) => ppid === parent).flatMap(([child = 0]) => [...below(child), child])
  return below(pid)
}
