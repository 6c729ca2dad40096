import type { Socket } from 'node:net'
import type { Connection } from 'ssh2'

/** What is used of ssh2 beneath its interface: lib/protocol/Protocol.js of 1.17. */
interface Protocol {
  readonly _packetRW: { readonly write: { readonly allocStart: number; alloc(size: number): Buffer } }
  readonly _cipher: { encrypt(packet: Buffer): void }
  readonly _kexinit: unknown
  channelOpenConfirm(remote: number, local: number, window: number, packetSize: number): void
}

/** Messages of RFC 4250, 4.1.2. */
export const MESSAGE = {
  ignore: 2,
  authPkOk: 60,
  globalRequest: 80,
  channelOpen: 90,
  channelData: 94,
  channelExtendedData: 95,
  channelEof: 96,
} as const

/** The server's end of an SSH connection, for packets that ssh2 would not send. */
export class SshWire {
  readonly socket: Socket
  readonly #protocol: Protocol

  constructor(client: Connection) {
    const internals = client as unknown as { readonly _protocol: Protocol; readonly _sock: Socket }
    this.#protocol = internals._protocol
    this.socket = internals._sock
  }

  get open(): boolean {
    return this.socket.writable
  }

  /** Sends this payload, encrypted as any other. Nothing while keys are being exchanged. */
  send(payload: Buffer): void {
    if (!this.open || this.#protocol._kexinit !== undefined) return
    const { write } = this.#protocol._packetRW
    const packet = write.alloc(payload.length)
    packet.set(payload, write.allocStart)
    this.#protocol._cipher.encrypt(packet)
  }

  /** Sends the payload again and again, as fast as it is read. */
  flood(payload: Buffer): void {
    const more = () => {
      for (let i = 0; i < 500 && this.open; i++) this.send(payload)
      if (!this.open) return
      if (this.socket.writableNeedDrain) this.socket.once('drain', more)
      else setImmediate(more)
    }
    more()
  }

  /** Channels are opened with these bounds from now on. */
  confirmWith(bounds: { readonly window?: number; readonly packetSize?: number }): void {
    const protocol = this.#protocol
    const confirm = protocol.channelOpenConfirm.bind(protocol)
    protocol.channelOpenConfirm = (remote, local, window, packetSize) =>
      confirm(remote, local, bounds.window ?? window, bounds.packetSize ?? packetSize)
  }

  /** Calls `act` with the client's number of each channel, right after it has been said to be open. */
  afterConfirm(act: (channel: number) => void): void {
    const protocol = this.#protocol
    const confirm = protocol.channelOpenConfirm.bind(protocol)
    protocol.channelOpenConfirm = (remote, ...others) => {
      confirm(remote, ...others)
      act(remote)
    }
  }
}

/** A payload of a message number and fields: texts and bytes with their length before them, numbers of 32 bits, booleans. */
export function payload(message: number, ...fields: readonly (string | Buffer | number | boolean)[]): Buffer {
  const parts = fields.map((field) => {
    if (typeof field === 'boolean') return Buffer.from([Number(field)])
    if (typeof field === 'number') return uint32(field)
    return Buffer.concat([uint32(Buffer.byteLength(field)), Buffer.from(field as string)])
  })
  return Buffer.concat([Buffer.from([message]), ...parts])
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
