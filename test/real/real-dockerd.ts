import { writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { BoxProcess } from './box-process.ts'
import { importBusybox } from './busybox-image.ts'
import { Containers } from './containers.ts'
import { engineRequest } from './engine-http.ts'
import type { RealGuest } from './real-guest.ts'

export interface DockerdOptions {
  /** Where its socket is in the guest; default /var/run/docker.sock. */
  readonly socket?: string
  /**
   * `host`: in the same network as sshd, whose users then find the socket in /proc/net/unix as in a real guest; its
   * containers have no network and publish no ports, and the machine's own network stays as it is. Default `guest`.
   */
  readonly net?: 'guest' | 'host'
  /** More words for its command line. */
  readonly flags?: readonly string[]
}

/** The distribution's dockerd in a guest, with its own data root and containerd; the group `docker` may use its socket. */
export class RealDockerd {
  /** How the host (root) reaches the engine's socket. */
  readonly socket: string
  readonly containers: Containers
  readonly #guest: RealGuest
  readonly #socketInGuest: string
  readonly #net: 'guest' | 'host'
  readonly #flags: readonly string[]
  #process: BoxProcess

  private constructor(guest: RealGuest, options: Required<DockerdOptions>, process: BoxProcess) {
    const { socket: socketInGuest, net, flags } = options
    this.#guest = guest
    this.#socketInGuest = socketInGuest
    this.#net = net
    this.#flags = flags
    this.#process = process
    this.socket = guest.inside(socketInGuest)
    this.containers = new Containers(this.socket, guest.cgroup)
  }

  /** Starts the engine and gives it the image `busybox:test`. It ends with its guest. */
  static async start(guest: RealGuest, options: DockerdOptions = {}): Promise<RealDockerd> {
    const { socket = '/var/run/docker.sock', net = 'guest', flags = [] } = options
    await writeFile(guest.path('daemon.json'), '{}')
    await guest.exec('mkdir', '-p', dirname(socket))
    const dockerd = new RealDockerd(guest, { socket, net, flags }, await spawnDockerd(guest, socket, net, flags))
    await dockerd.#answers()
    await importBusybox(guest, dockerd.socket)
    return dockerd
  }

  /** The docker CLI in the guest, for what people would type; gives its output. */
  cli(...args: string[]): Promise<string> {
    return this.#guest.exec('docker', '--host', `unix://${this.#socketInGuest}`, ...args)
  }

  /**
   * Ends the engine as the service manager does; its containers end with it, its data stays. By SIGKILL: as a crash
   * does; its socket and pid file stay as well, and so do containers and their shims.
   */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    this.#process.signal(signal)
    await this.#process.end()
  }

  /** Starts it again on the same data. */
  async startAgain(): Promise<void> {
    this.#process = await spawnDockerd(this.#guest, this.#socketInGuest, this.#net, this.#flags)
    await this.#answers()
  }

  /** The engine accepts connections but answers nothing until thaw(). */
  freeze(): void {
    this.#process.signal('SIGSTOP')
  }

  thaw(): void {
    this.#process.signal('SIGCONT')
  }

  #answers(): Promise<true> {
    return this.#process.ready(async () => {
      await engineRequest(this.socket, 'GET', '/_ping')
      return true as const
    })
  }
}

const noNetwork = ['--bridge=none', '--iptables=false', '--ip6tables=false', '--ip-forward=false', '--ip-masq=false']

function spawnDockerd(
  guest: RealGuest,
  socket: string,
  net: 'guest' | 'host',
  flags: readonly string[],
): Promise<BoxProcess> {
  return guest.spawn(
    'dockerd',
    net,
    'dockerd',
    ...(net === 'host' ? noNetwork : []),
    ...['--config-file', guest.path('daemon.json')],
    ...['--data-root', guest.path('docker')],
    ...['--exec-root', guest.path('run', 'docker')],
    ...['--pidfile', guest.path('run', 'docker.pid')],
    ...['--host', `unix://${socket}`],
    // The systemd driver would ask the machine's own systemd, which knows nothing of the box.
    ...['--exec-opt', 'native.cgroupdriver=cgroupfs'],
    ...['--cgroup-parent', `/${guest.cgroup}`],
    ...flags,
  )
}
