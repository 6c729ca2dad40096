import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { signalQuietly, type BoxProcess } from './box-process.ts'
import { findProgram } from './parts.ts'
import type { RealGuest } from './real-guest.ts'

export interface SshdOptions {
  /** How many loopback addresses it listens on; default 1. */
  readonly addresses?: number
  /** First three numbers of them, a network of this sshd's own; default `127.60.0`. Beyond 254 the next networks, too. */
  readonly network?: string
  /** Default: a port that was free. */
  readonly port?: number
  /** An address of the guest's own network, where it listens then, in place of loopback addresses of this machine. */
  readonly at?: string
  /** Further sshd_config lines, before the stock ones (the first value counts), e.g. `AllowStreamLocalForwarding no`. */
  readonly config?: readonly string[]
}

/** sshd refuses more than this in one process (MAX_LISTEN_SOCKS); further addresses get a further process. */
const addressesPerServer = 16

/**
 * The distribution's OpenSSH server in a guest with the configuration it was shipped with; only port, addresses and
 * `config` are ours. It listens on this machine's loopback addresses, everything else about a login is the guest's.
 */
export class RealSshd {
  /** All of them the same guest. */
  readonly addresses: readonly string[]
  readonly port: number
  readonly #guest: RealGuest
  readonly #net: 'guest' | 'host'
  #servers: readonly BoxProcess[] = []

  private constructor(guest: RealGuest, addresses: readonly string[], port: number, net: 'guest' | 'host') {
    this.#guest = guest
    this.#net = net
    this.addresses = addresses
    this.port = port
  }

  static async start(guest: RealGuest, options: SshdOptions = {}): Promise<RealSshd> {
    const { at, network = '127.60.0' } = options
    const addresses = at === undefined ? loopbackAddresses(network, options.addresses ?? 1) : [at]
    const sshd = new RealSshd(guest, addresses, options.port ?? (await freePort()), at === undefined ? 'host' : 'guest')
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
    const dropIns = this.#guest.inside('/etc/ssh/sshd_config.d')
    await mkdir(dropIns, { recursive: true })
    await writeFile(join(dropIns, 'test.conf'), [`Port ${this.port}`, ...lines, ''].join('\n'))
  }

  /** Makes new host keys, as a reinstalled guest has; counts from the next start. */
  async changeHostKeys(): Promise<void> {
    // The three types `ssh-keygen -A` makes, with an RSA key that takes less time.
    const make = 'ssh-keygen -q -t $type -b $bits -N "" -f /etc/ssh/ssh_host_${type}_key'
    const all = 'rm -f /etc/ssh/ssh_host_*; for key in rsa,2048 ecdsa,256 ed25519,256; do type=${key%,*} bits=${key#*,}'
    await this.#guest.exec('sh', '-ec', `${all}; ${make}; done`)
  }

  /** Base64 of the guest's public host key blob of a type: what a client is shown and pins. */
  async hostKey(type: 'ed25519' | 'ecdsa' | 'rsa'): Promise<string> {
    const line = await readFile(this.#guest.inside(`/etc/ssh/ssh_host_${type}_key.pub`), 'utf8')
    return line.split(' ')[1] ?? ''
  }

  /** Ends the server and all its connections; clients see the connection break. */
  async stop(): Promise<void> {
    for (const server of this.#servers) server.signalTree('SIGKILL')
    for (const server of this.#servers) await server.end()
    this.#servers = []
  }

  /** Starts the server (again) with the configuration and host keys of now. */
  async startAgain(): Promise<void> {
    const groups = Math.ceil(this.addresses.length / addressesPerServer)
    const parts = Array.from({ length: groups }, (_, i) => i * addressesPerServer)
    this.#servers = await Promise.all(
      parts.map((first, i) => this.#listen(`sshd-${i}`, this.addresses.slice(first, first + addressesPerServer))),
    )
  }

  /** Ends the client connections and keeps the server: as when the network broke for a moment. */
  dropConnections(): void {
    for (const { pid } of this.#servers.flatMap((server) => server.tree().slice(1))) signalQuietly(pid, 'SIGKILL')
  }

  /** How many client connections are held now. */
  connections(): number {
    return this.#servers.reduce((sum, server) => sum + server.children().length, 0)
  }

  /** Server and connections stand still until thaw(): accepted by the kernel, answered by nobody. */
  freeze(): void {
    for (const server of this.#servers) server.signalTree('SIGSTOP')
  }

  thaw(): void {
    for (const server of this.#servers) server.signalTree('SIGCONT')
  }

  /** The last lines each sshd process logged. */
  log(): string {
    return this.#servers.map((server) => server.logTail()).join('')
  }

  async #listen(name: string, addresses: readonly string[]): Promise<BoxProcess> {
    const path = findProgram('sshd')
    if (path === undefined) throw new Error('sshd is not installed (package openssh-server)')
    const listen = addresses.flatMap((address) => ['-o', `ListenAddress=${address}`])
    const server = await this.#guest.spawn(
      name,
      this.#net,
      path,
      '-D',
      '-e',
      ...listen,
      '-o',
      `PidFile=/run/${name}.pid`,
    )
    // It binds the addresses from the last to the first.
    await server.ready(() => server.logTail().includes(`Server listening on ${addresses[0] ?? ''} `))
    return server
  }
}

function loopbackAddresses(network: string, count: number): string[] {
  if (count < 1 || count > 2540) throw new Error('one sshd listens on 1 to 2540 addresses')
  const [first, second, third = 0] = network.split('.').map(Number)
  return Array.from({ length: count }, (_, i) => `${first}.${second}.${third + Math.floor(i / 254)}.${(i % 254) + 1}`)
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
