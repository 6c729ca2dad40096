import { RealDockerd } from './real-dockerd.ts'
import { RealGuest } from './real-guest.ts'
import { RealSshd } from './real-sshd.ts'

export interface ManyGuestsOptions {
  /** How many loopback addresses, 1 to 2540; default 100. */
  readonly count?: number
  /** The login on each of them, allowed to use Docker; default `core`. */
  readonly username?: string
  /** Public key lines that may log in. */
  readonly keys: readonly string[]
  /** Network of the addresses; default `127.61.0`. */
  readonly network?: string
  /** Default: one that was free. */
  readonly port?: number
  /** Raises sshd's limits (stock: MaxStartups 10:30:100, MaxSessions 10). */
  readonly maxStartups?: string
  readonly maxSessions?: number
  /** Has sshd log each connection, login and command (LogLevel VERBOSE). */
  readonly verbose?: boolean
}

/** Many addresses that look like so many guests: one sshd and one engine behind all of them. */
export interface ManyGuests {
  readonly addresses: readonly string[]
  readonly port: number
  readonly username: string
  readonly guest: RealGuest
  readonly sshd: RealSshd
  readonly dockerd: RealDockerd
  /** Ends all of it and leaves nothing. */
  stop(): Promise<void>
}

export async function startManyGuests(options: ManyGuestsOptions): Promise<ManyGuests> {
  const { username = 'core', count = 100, network = '127.61.0' } = options
  const guest = await RealGuest.start()
  try {
    const dockerd = await RealDockerd.start(guest)
    const sshd = await RealSshd.start(guest, {
      addresses: count,
      network,
      config: limits(options),
      ...(options.port !== undefined && { port: options.port }),
    })
    await guest.addUser({ name: username, groups: ['docker'], keys: options.keys })
    return { addresses: sshd.addresses, port: sshd.port, username, guest, sshd, dockerd, stop: () => guest.stop() }
  } catch (error) {
    await guest.stop()
    throw error
  }
}

function limits({ maxStartups, maxSessions, verbose }: ManyGuestsOptions): string[] {
  return [
    ...(verbose === true ? ['LogLevel VERBOSE'] : []),
    ...(maxStartups === undefined ? [] : [`MaxStartups ${maxStartups}`]),
    ...(maxSessions === undefined ? [] : [`MaxSessions ${maxSessions}`]),
  ]
}
