import { once } from 'node:events'
import { createServer, type Server as TcpServer, type Socket } from 'node:net'
import ssh2, { type Server as SshServer, type ServerChannel } from 'ssh2'
import { EngineSim } from './engine-sim.ts'
import type { Behaviour, GuestFaults } from './faults.ts'
import { GuestConnection } from './guest-connection.ts'
import type { GuestUser } from './guest-login.ts'
import { hostKeyFor, type HostKey } from './host-keys.ts'

export interface GuestSocket {
  readonly path: string
  /** Groups whose members may connect; `root` may always. Default: docker. */
  readonly groups?: readonly string[]
}

export interface GuestOptions {
  /** Loopback address, e.g. 127.1.0.5: each guest has its own. */
  readonly address: string
  /** 0 or absent: one that is free; see `guest.port`. */
  readonly port?: number
  readonly users?: Readonly<Record<string, GuestUser>>
  readonly engine?: EngineSim
  /** `ed25519` (default, a new key), `rsa` (one per process), or a private key as text. */
  readonly hostKey?: string
  readonly sockets?: readonly GuestSocket[]
  /** Programs in the guest: docker, socat, ncat, nc. Default: none. */
  readonly tools?: readonly string[]
  /** Answers every command in place of the built-in guest. */
  readonly exec?: (command: string, channel: ServerChannel) => void
  /** Run commands by the real /bin/sh with this PATH. */
  readonly realShell?: { readonly path: string }
  /** As sshd's MaxSessions: commands at the same time per connection. */
  readonly maxSessions?: number
  readonly behaviours?: readonly Behaviour[]
}

const DEFAULT_SOCKETS: readonly GuestSocket[] = [{ path: '/var/run/docker.sock' }, { path: '/run/docker.sock' }]
const IDENT = 'OpenSSH_9.2p1 Debian-2+deb12u3'
/** sshd does not ask whether its clients live unless told to; ssh2's server does, every 15 s. */
const NEVER_MS = 2_000_000_000

/** A simulated guest: the real SSH protocol on a loopback address, and an engine behind its sockets. */
export class GuestSim {
  readonly address: string
  readonly engine: EngineSim
  readonly exec: GuestOptions['exec']
  readonly shellPath: string | undefined
  readonly maxSessions: number
  users: Readonly<Record<string, GuestUser>>
  sockets: readonly GuestSocket[]
  tools: readonly string[]
  /** Commands that clients ran, in order. */
  readonly commands: string[] = []
  readonly counters = {
    connections: 0,
    open: 0,
    handshaking: 0,
    mostHandshaking: 0,
    authAttempts: 0,
    authRefused: 0,
    channels: 0,
    channelsOpened: 0,
    channelsRefused: 0,
    execs: 0,
  }
  #port: number
  #hostKey: HostKey
  #ssh: SshServer
  #tcp: TcpServer | undefined
  #frozen = false
  readonly #sockets = new Set<Socket>()
  readonly #waiting = new Set<Socket>()
  /** Sockets whose handshake is over. */
  readonly #authenticated = new WeakSet<Socket>()
  readonly #faults: GuestFaults[] = []

  private constructor(options: GuestOptions) {
    this.address = options.address
    this.engine = options.engine ?? new EngineSim()
    this.exec = options.exec
    this.shellPath = options.realShell?.path
    this.maxSessions = options.maxSessions ?? 10
    this.users = options.users ?? {}
    this.sockets = options.sockets ?? DEFAULT_SOCKETS
    this.tools = options.tools ?? []
    this.#port = options.port ?? 0
    this.#hostKey = hostKeyFor(options.hostKey)
    this.#ssh = this.#makeSsh()
  }

  /** A guest that listens. */
  static async start(options: GuestOptions): Promise<GuestSim> {
    const guest = new GuestSim(options)
    for (const behaviour of options.behaviours ?? []) guest.behave(behaviour)
    await guest.admit()
    return guest
  }

  get port(): number {
    return this.#port
  }

  /** Base64 of the public host key blob, as a client pins it. */
  get hostKey(): string {
    return this.#hostKey.publicBase64
  }

  /** Misbehaves from now on; the returned function ends that. */
  behave(behaviour: Behaviour): () => void {
    const faults = behaviour.begin(this)
    const takeBack = faults.engine && this.engine.addFaults(faults.engine)
    this.#faults.unshift(faults)
    return () => {
      const at = this.#faults.indexOf(faults)
      if (at < 0) return
      this.#faults.splice(at, 1)
      takeBack?.()
      faults.end?.()
    }
  }

  /** The first answer of the faults that are on, latest first. */
  firstFault<T>(ask: (faults: GuestFaults) => T | undefined | false): T | undefined {
    for (const faults of this.#faults) {
      const answer = ask(faults)
      if (answer !== undefined && answer !== false) return answer
    }
    return undefined
  }

  /** What a user meets at this path. */
  socketFor(username: string, path: string): 'open' | 'missing' | 'forbidden' {
    const socket = this.sockets.find((each) => each.path === path)
    if (!socket) return 'missing'
    const groups = this.users[username]?.groups ?? []
    const allowed = username === 'root' || (socket.groups ?? ['docker']).some((group) => groups.includes(group))
    return allowed ? 'open' : 'forbidden'
  }

  setAuthorizedKeys(username: string, authorizedKeys: readonly string[]): void {
    this.users = { ...this.users, [username]: { ...this.users[username], authorizedKeys } }
  }

  /** A new host key for connections from now on, as after a reinstallation. */
  rotateHostKey(choice?: string): void {
    this.#hostKey = hostKeyFor(choice)
    this.#ssh = this.#makeSsh()
  }

  /** Breaks every connection, as a guest that reboots. */
  dropConnections(): void {
    for (const socket of [...this.#sockets]) socket.destroy()
  }

  /** As a suspended VM: TCP stays, nothing is read or written; new connections are taken and met with silence. */
  freeze(): void {
    this.#frozen = true
    for (const socket of this.#sockets) {
      socket.pause()
      socket.cork()
    }
  }

  thaw(): void {
    this.#frozen = false
    for (const socket of this.#sockets) {
      socket.uncork()
      socket.resume()
    }
    for (const socket of [...this.#waiting]) this.#welcome(socket)
  }

  /** Closes the port: new connections are refused. Those that exist stay. */
  refuse(): void {
    this.#tcp?.close()
    this.#tcp = undefined
  }

  /** Listens (again). */
  async admit(): Promise<void> {
    if (this.#tcp) return
    const tcp = createServer({ noDelay: true }, (socket) => this.#accept(socket))
    this.#tcp = tcp
    tcp.listen(this.#port, this.address)
    await once(tcp, 'listening')
    const bound = tcp.address()
    if (typeof bound === 'object' && bound) this.#port = bound.port
  }

  /** Closes all: the port, the connections. */
  async stop(): Promise<void> {
    const tcp = this.#tcp
    this.refuse()
    this.dropConnections()
    if (tcp) await once(tcp, 'close')
  }

  #accept(socket: Socket): void {
    const { counters } = this
    counters.connections++
    counters.open++
    counters.handshaking++
    counters.mostHandshaking = Math.max(counters.mostHandshaking, counters.handshaking)
    this.#sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.once('close', () => {
      counters.open--
      if (!this.#authenticated.has(socket)) counters.handshaking--
      this.#sockets.delete(socket)
      this.#waiting.delete(socket)
    })
    if (this.#frozen) this.#waiting.add(socket)
    else this.#welcome(socket)
  }

  #welcome(socket: Socket): void {
    this.#waiting.delete(socket)
    if (this.firstFault((faults) => faults.socket?.(socket, this))) return
    this.#ssh.injectSocket(socket)
  }

  #makeSsh(): SshServer {
    const server = new ssh2.Server({
      hostKeys: [this.#hostKey.privateKey],
      ident: IDENT,
      keepaliveInterval: NEVER_MS,
    })
    return server.on('connection', (client) => {
      const socket = (client as unknown as { _sock: Socket })._sock
      new GuestConnection(client, this, () => {
        this.#authenticated.add(socket)
        this.counters.handshaking--
      })
    })
  }
}
