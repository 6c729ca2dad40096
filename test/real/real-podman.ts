import { writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { BoxProcess } from './box-process.ts'
import { importBusybox } from './busybox-image.ts'
import { Containers } from './containers.ts'
import { engineRequest } from './engine-http.ts'
import type { RealGuest } from './real-guest.ts'

const settings = (guest: RealGuest) => `
[containers]
# Podman raises these for its containers, which a sandbox without CAP_SYS_RESOURCE refuses.
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "${guest.path('run', 'libpod')}"
`

export interface PodmanOptions {
  /** Where its socket is in the guest; default /run/podman/podman.sock. */
  readonly socket?: string
}

/** The distribution's podman as an API service of root in a guest, with its own storage. */
export class RealPodman {
  /** How the host (root) reaches the engine's socket. */
  readonly socket: string
  readonly containers: Containers
  readonly #guest: RealGuest
  readonly #folder: string
  readonly #process: BoxProcess

  private constructor(guest: RealGuest, socketInGuest: string, process: BoxProcess) {
    this.#guest = guest
    this.#folder = dirname(socketInGuest)
    this.#process = process
    this.socket = guest.inside(socketInGuest)
    this.containers = new Containers(this.socket, guest.cgroup)
  }

  /** Starts the service and gives it the image `busybox:test`. It ends with its guest. */
  static async start(guest: RealGuest, options: PodmanOptions = {}): Promise<RealPodman> {
    const { socket = '/run/podman/podman.sock' } = options
    await writeFile(guest.path('containers.conf'), settings(guest))
    await guest.exec('mkdir', '-p', dirname(socket))
    const args = [...storage(guest), 'system', 'service', '--time=0', `unix://${socket}`]
    const service = await guest.spawn('podman', 'guest', 'env', ...withSettings(guest), 'podman', ...args)
    const podman = new RealPodman(guest, socket, service)
    await service.ready(async () => {
      await engineRequest(podman.socket, 'GET', '/_ping')
      return true as const
    })
    await importBusybox(guest, podman.socket)
    return podman
  }

  /** The podman CLI on the same storage; gives its output. */
  cli(...args: string[]): Promise<string> {
    return this.#guest.exec('env', ...withSettings(this.#guest), 'podman', ...storage(this.#guest), ...args)
  }

  /** Gives the socket and its folder to `user:group`, as it is for a user's own podman, or for a group an admin trusts. */
  async giveSocketTo(owner: string): Promise<void> {
    await this.#guest.exec('chown', '-R', owner, this.#folder)
    await this.#guest.exec('chmod', '-R', 'ug+rwX', this.#folder)
  }

  freeze(): void {
    this.#process.signal('SIGSTOP')
  }

  thaw(): void {
    this.#process.signal('SIGCONT')
  }
}

const withSettings = (guest: RealGuest) => [`CONTAINERS_CONF=${guest.path('containers.conf')}`]

const storage = (guest: RealGuest) => ['--root', guest.path('podman'), '--runroot', guest.path('run', 'containers')]
