import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Connection, ServerChannel } from 'ssh2'
import type { EngineSim } from './engine-sim.ts'
import type { GuestSim } from './guest-sim.ts'
import type { SshWire } from './ssh-wire.ts'

/** Faults of an engine. A function that returns true has dealt with the matter; the engine then does nothing. */
export interface EngineFaults {
  /** A new connection, before any byte of it was read. */
  connection?(stream: Duplex, engine: EngineSim): boolean
  /** A request that was read. */
  request?(req: IncomingMessage, res: ServerResponse, engine: EngineSim): boolean
}

/** What a channel to a socket can be answered with. */
export interface SocketRequest {
  readonly path: string
  /** Opens the channel and leaves it to the caller. */
  accept(): Duplex
  /** RFC 4254 5.1: 1 administratively prohibited, 2 connect failed, 3 unknown channel type, 4 resource shortage. */
  refuse(reason?: number, text?: string): void
}

/** Faults of a guest; functions as above. */
export interface GuestFaults {
  /** A TCP connection, before any byte was sent. */
  socket?(socket: Socket, guest: GuestSim): boolean
  /** An SSH connection, before its handshake: for what no server says, or says so often. */
  connection?(client: Connection, wire: SshWire, guest: GuestSim): void
  /** What a login is answered, in place of the check: yes, no, or never. */
  login?(username: string): 'accept' | 'refuse' | 'silence' | undefined
  /** A channel to a unix socket. */
  streamLocal?(request: SocketRequest, guest: GuestSim): boolean
  /** A command. */
  exec?(command: string, channel: ServerChannel, guest: GuestSim): boolean
  readonly engine?: EngineFaults
  /** Called when the fault is taken away. */
  end?(): void
}

/** A fault with a name. `begin` says what the guest does wrong from now on. */
export interface Behaviour {
  readonly name: string
  /** One sentence: what a client of this guest meets. */
  readonly summary: string
  begin(guest: GuestSim): GuestFaults
}
