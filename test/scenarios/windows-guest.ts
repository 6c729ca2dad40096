import { once } from 'node:events'
import type { Socket } from 'node:net'
import { createServer, type Server } from 'node:tls'
import { setTimeout as sleep } from 'node:timers/promises'
import { readIso } from '../../src/provision/iso/read-iso.ts'
import { EngineSim } from '../sim/guest/engine-sim.ts'
import type { Row } from '../sim/xapi/row.ts'
import { nextAddress, type World } from './world.ts'

/** Where the engines of these guests listen. */
export const TLS_PORT = 23761

export interface ServerMaterial {
  readonly ca: string
  readonly cert: string
  readonly key: string
}

/** What lies in a CD drive, by file name. */
export type Disc = ReadonlyMap<string, string>

/** A VM with Docker on Windows, and somebody in it who runs scripts from discs. */
export class WindowsGuest {
  readonly ref: string
  readonly uuid: string
  readonly name: string
  readonly address: string
  readonly engine: EngineSim
  readonly #world: World
  readonly #sockets = new Set<Socket>()
  #server: Server | undefined

  private constructor(world: World, address: string, vm: { ref: string; uuid: string }, name: string) {
    this.#world = world
    this.address = address
    this.name = name
    this.ref = vm.ref
    this.uuid = vm.uuid
    this.engine = new EngineSim({ name, flavour: 'docker-windows', containers: [{ name: 'web' }] })
  }

  static async start(
    world: World,
    {
      name = 'win',
      cdDrive = true,
      otherConfig = {},
    }: { name?: string; cdDrive?: boolean; otherConfig?: Record<string, string> } = {},
  ): Promise<WindowsGuest> {
    const address = nextAddress()
    const host = world.pool.hosts[0]!
    const vm = world.pool.createVm({ name, host, powerState: 'Running', otherConfig, networks: { '0/ip': address } })
    const guest = new WindowsGuest(world, address, vm, name)
    if (cdDrive) await guest.#addDrive()
    return guest
  }

  async #addDrive(): Promise<void> {
    await this.#world.call('VBD.create', {
      ...{ VM: this.ref, VDI: 'OpaqueRef:NULL', userdevice: '3', bootable: false, mode: 'RO', type: 'CD' },
      ...{ unpluggable: true, empty: true, other_config: {}, qos_algorithm_type: '', qos_algorithm_params: {} },
    })
  }

  /** Refs of the VDIs in its CD drives. */
  get inserted(): string[] {
    return this.#drives.flatMap((row) => (row.get('empty') === true ? [] : [row.text('VDI')]))
  }

  /** Ref of its first CD drive. */
  get drive(): string {
    return this.#drives[0]!.ref
  }

  get #drives(): Row[] {
    const rows = [...this.#world.pool.db.table('VBD').rows.values()]
    return rows.filter((row) => row.text('VM') === this.ref && row.get('type') === 'CD')
  }

  /** The disc that lies in the drive; undefined while there is none that holds anything. */
  async disc(): Promise<Disc | undefined> {
    const [ref] = this.inserted
    const content = ref === undefined ? undefined : this.#world.pool.vdiContent(ref)
    if (content === undefined) return undefined
    const image = await readIso({
      size: content.length,
      read: (offset, length) => Promise.resolve(content.subarray(offset, offset + length)),
    }).catch(() => undefined)
    if (image === undefined) return undefined
    const texts = image.files.map(async ({ path }) => [path, String(await image.read(path, 1 << 20))] as const)
    return new Map(await Promise.all(texts))
  }

  /** Waits for a disc with certificates and does what its script does. Gives the disc. */
  async runScript(): Promise<Disc> {
    for (;;) {
      const disc = await this.disc()
      const [ca, cert, key] = ['ca.pem', 'server-cert.pem', 'server-key.pem'].map((name) => disc?.get(name))
      if (disc !== undefined && ca !== undefined && cert !== undefined && key !== undefined) {
        await this.serve({ ca, cert, key })
        return disc
      }
      await sleep(50)
    }
  }

  /** The engine listens with this from now on; who is connected is thrown out. */
  async serve({ ca, cert, key }: ServerMaterial): Promise<void> {
    await this.quiet()
    const server = createServer({ ca, cert, key, requestCert: true, rejectUnauthorized: true }, (socket) => {
      socket.on('error', () => undefined)
      this.engine.accept(socket)
    })
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
    server.on('tlsClientError', () => undefined)
    server.listen(TLS_PORT, this.address)
    await once(server, 'listening')
    this.#server = server
  }

  /** Nobody listens any more. */
  async quiet(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    const server = this.#server
    this.#server = undefined
    if (server === undefined) return
    server.close()
    await once(server, 'close')
  }
}
