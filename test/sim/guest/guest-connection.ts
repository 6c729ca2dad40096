import type { AuthContext, Connection, ServerChannel, Session } from 'ssh2'
import { joinEngine } from './engine-bridge.ts'
import { runInShell, simulateCommand } from './guest-exec.ts'
import { mayLogIn, refuseLogin } from './guest-login.ts'
import type { GuestSim } from './guest-sim.ts'
import { SshWire } from './ssh-wire.ts'

const CONNECT_FAILED = 2
const REFUSED_TEXT = 'open failed'

/** The packet writer under ssh2's public face; `reject()` there cannot carry a text. */
interface PacketWriter {
  channelOpenFail(recipient: number, reason: number, text: string): void
}

/** One SSH connection to a guest: who logs in, which channels open. */
export class GuestConnection {
  readonly #client: Connection
  readonly #guest: GuestSim
  #username = ''
  #refusals = 0
  #sessions = 0
  /** Those that are open. */
  readonly #channels = new Set<ServerChannel>()
  #refusal: { reason: number; text: string } | undefined

  constructor(client: Connection, guest: GuestSim, ready: () => void) {
    this.#client = client
    this.#guest = guest
    this.#speakAsOpenSsh()
    client.on('error', () => undefined)
    // A channel with something unread in it does not tell of its end when the whole connection ends.
    client.on('close', () => {
      guest.counters.channels -= this.#channels.size
      this.#channels.clear()
    })
    client.on('authentication', (context) => this.#login(context))
    client.on('ready', ready)
    client.on('request', (_accept, reject) => reject?.())
    client.on('session', (accept, reject) => this.#session(accept, reject))
    client.on('openssh.streamlocal', (accept, reject, info) => this.#streamLocal(accept, reject, info.socketPath))
    const wire = new SshWire(client)
    guest.firstFault((faults) => void faults.connection?.(client, wire, guest))
  }

  /** OpenSSH says `open failed` whatever the cause: missing, forbidden, nobody listening, forwarding off. */
  #speakAsOpenSsh(): void {
    const writer = (this.#client as unknown as { _protocol: PacketWriter })._protocol
    const write = writer.channelOpenFail.bind(writer)
    writer.channelOpenFail = (recipient, reason) => {
      this.#guest.counters.channelsRefused++
      const refusal = this.#refusal ?? { reason, text: REFUSED_TEXT }
      this.#refusal = undefined
      write(recipient, refusal.reason, refusal.text)
    }
  }

  #login(context: AuthContext): void {
    const fault = this.#guest.firstFault((faults) => faults.login?.(context.username))
    if (context.method === 'none') return context.reject(['publickey'])
    this.#guest.counters.authAttempts++
    if (fault === 'silence') return
    const proof = mayLogIn(this.#guest.users[context.username], context)
    if (fault !== 'refuse' && (proof !== 'no' || fault === 'accept')) {
      this.#username = context.username
      return context.accept()
    }
    this.#guest.counters.authRefused++
    refuseLogin(this.#client, context, ++this.#refusals)
  }

  #streamLocal(accept: () => ServerChannel, reject: () => void, path: string): void {
    const refuse = (reason = CONNECT_FAILED, text = REFUSED_TEXT) => {
      this.#refusal = { reason, text }
      reject()
    }
    const open = () => this.#opened(accept())
    const taken = this.#guest.firstFault((faults) => faults.streamLocal?.({ path, accept: open, refuse }, this.#guest))
    if (taken) return
    const { engine } = this.#guest
    if (this.#guest.socketFor(this.#username, path) !== 'open' || !engine.up) return refuse()
    joinEngine(open(), engine)
  }

  #session(accept: () => Session, reject: () => void): void {
    if (this.#sessions >= this.#guest.maxSessions) return reject()
    this.#sessions++
    const session = accept()
    session.on('close', () => void this.#sessions--)
    session.on('env', (accept) => accept?.())
    session.on('exec', (accept, _reject, info) => this.#exec(info.command, this.#opened(accept())))
  }

  #exec(command: string, channel: ServerChannel): void {
    const guest = this.#guest
    guest.counters.execs++
    guest.commands.push(command)
    channel.on('error', () => channel.close())
    if (guest.firstFault((faults) => faults.exec?.(command, channel, guest))) return
    if (guest.exec) return guest.exec(command, channel)
    if (guest.shellPath !== undefined) return runInShell(command, channel, this.#username, guest.shellPath)
    const socket = (path: string) => guest.socketFor(this.#username, path)
    const { tools, engine } = guest
    simulateCommand(command, channel, { tools, engine, socket, defaultSocket: guest.sockets[0]?.path ?? '/none.sock' })
  }

  #opened(channel: ServerChannel): ServerChannel {
    const { counters } = this.#guest
    counters.channelsOpened++
    counters.channels++
    this.#channels.add(channel)
    channel.once('close', () => {
      if (this.#channels.delete(channel)) counters.channels--
    })
    return channel
  }
}
