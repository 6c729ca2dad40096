import { writeFile } from 'node:fs/promises'
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

/** The distribution's podman as an API service in a guest, with its own storage, at the guest's /run/podman/podman.sock. */
export class RealPodman {
  /** The engine's socket on the host (root only); in the guest it is /run/podman/podman.sock. */
  readonly socket: string
  readonly containers: Containers
  readonly #guest: RealGuest
  readonly #process: BoxProcess

  private constructor(guest: RealGuest, process: BoxProcess) {
    this.#guest = guest
    this.#process = process
    this.socket = guest.path('run', 'podman', 'podman.sock')
    this.containers = new Containers(this.socket, guest.cgroup)
  }

  /** Starts the service and gives it the image `busybox:test`. It ends with its guest. */
  static async start(guest: RealGuest): Promise<RealPodman> {
    await writeFile(guest.path('containers.conf'), settings(guest))
    await guest.exec('mkdir', '-p', '/run/podman')
    const args = [...storage(guest), 'system', 'service', '--time=0', 'unix:///run/podman/podman.sock']
    const service = await guest.spawn('podman', 'guest', 'env', ...withSettings(guest), 'podman', ...args)
    const podman = new RealPodman(guest, service)
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

  /** Lets a group use the socket, as an admin who wants non-root users to reach root's podman does. */
  async allowGroup(group: string): Promise<void> {
    await this.#guest.exec('chgrp', '-R', group, '/run/podman')
    await this.#guest.exec('chmod', '-R', 'g+rwX', '/run/podman')
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
