import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { signalQuietly, type BoxProcess } from './box-process.ts'
import { findProgram } from './parts.ts'
import type { RealGuest } from './real-guest.ts'

export interface SshdOptions {
  /** How many loopback addresses it listens on; default 1. */
  readonly addresses?: number
  /** First three numbers of them, a network of this sshd's own; default `127.60.0`. */
  readonly network?: string
  /** Default: a port that was free. */
  readonly port?: number
  /** Further sshd_config lines, before the stock ones (the first value counts), e.g. `AllowStreamLocalForwarding no`. */
  readonly config?: readonly string[]
}

/**
 * The distribution's OpenSSH server in a guest with the configuration it was shipped with; only port, addresses and
 * `config` are ours. It listens on this machine's loopback addresses, everything else about a login is the guest's.
 */
export class RealSshd {
  /** Loopback addresses, all of them the same guest. */
  readonly addresses: readonly string[]
  readonly port: number
  readonly #guest: RealGuest
  #process: BoxProcess | undefined

  private constructor(guest: RealGuest, addresses: readonly string[], port: number) {
    this.#guest = guest
    this.addresses = addresses
    this.port = port
  }

  static async start(guest: RealGuest, options: SshdOptions = {}): Promise<RealSshd> {
    const addresses = loopbackAddresses(options.network ?? '127.60.0', options.addresses ?? 1)
    const sshd = new RealSshd(guest, addresses, options.port ?? (await freePort()))
    await sshd.configure(...(options.config ?? []))
    await sshd.changeHostKeys()
    await sshd.startAgain()
    return sshd
  }

  /** The first address. */
  get address(): string {
    return this.addresses[0] ?? ''
  }

  /** Replaces the further configuration lines; counts from the next start. */
  async configure(...lines: string[]): Promise<void> {
    const listen = this.addresses.map((address) => `ListenAddress ${address}`)
    const own = [`Port ${this.port}`, ...listen, ...lines, '']
    await mkdir(this.#guest.path('etc', 'ssh', 'sshd_config.d'), { recursive: true })
    await writeFile(this.#guest.path('etc', 'ssh', 'sshd_config.d', 'test.conf'), own.join('\n'))
  }

  /** Makes new host keys, as a reinstalled guest has; counts from the next start. */
  async changeHostKeys(): Promise<void> {
    await this.#guest.exec('sh', '-c', 'rm -f /etc/ssh/ssh_host_*')
    // The three types `ssh-keygen -A` makes, with an RSA key that takes less time.
    for (const [type, bits] of [
      ['rsa', '2048'],
      ['ecdsa', '256'],
      ['ed25519', '256'],
    ] as const) {
      await this.#guest.exec(
        'ssh-keygen',
        '-q',
        '-t',
        type,
        '-b',
        bits,
        '-N',
        '',
        '-f',
        `/etc/ssh/ssh_host_${type}_key`,
      )
    }
  }

  /** Base64 of the guest's public host key blob of a type: what a client is shown and pins. */
  async hostKey(type: 'ed25519' | 'ecdsa' | 'rsa'): Promise<string> {
    const line = await readFile(this.#guest.path('etc', 'ssh', `ssh_host_${type}_key.pub`), 'utf8')
    return line.split(' ')[1] ?? ''
  }

  /** Ends the server and all its connections; clients see the connection break. */
  async stop(): Promise<void> {
    this.#process?.signalTree('SIGKILL')
    await this.#process?.end()
    this.#process = undefined
  }

  /** Starts the server (again) with the configuration and host keys of now. */
  async startAgain(): Promise<void> {
    const path = findProgram('sshd')
    if (path === undefined) throw new Error('sshd is not installed (package openssh-server)')
    const server = await this.#guest.spawn('sshd', 'host', path, '-D', '-e')
    this.#process = server
    await server.ready(() => server.logTail().includes(`Server listening on ${this.addresses.at(-1) ?? ''}`))
  }

  /** Ends the client connections and keeps the server: as when the network broke for a moment. */
  dropConnections(): void {
    for (const { pid } of this.#process?.tree().slice(1) ?? []) signalQuietly(pid, 'SIGKILL')
  }

  /** How many client connections are held now. */
  connections(): number {
    const [server, ...rest] = this.#process?.tree() ?? []
    return rest.filter((child) => child.parent === server?.pid).length
  }

  /** Server and connections stand still until thaw(): accepted by the kernel, answered by nobody. */
  freeze(): void {
    this.#process?.signalTree('SIGSTOP')
  }

  thaw(): void {
    this.#process?.signalTree('SIGCONT')
  }

  /** What sshd logged, its last 3000 characters. */
  log(): string {
    return this.#guest.log('sshd')
  }
}

function loopbackAddresses(network: string, count: number): string[] {
  if (count < 1 || count > 254) throw new Error('one sshd listens on 1 to 254 addresses')
  return Array.from({ length: count }, (_, index) => `${network}.${index + 1}`)
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
