import type { Socket } from 'node:net'
import { StoppedError } from '../base/errors.ts'
import { encodeFrame, readFrames, type Frame } from './frame.ts'

/** One end of a connection of the control socket: frames both ways, no faster than the other side reads. */
export class FrameSocket {
  /** What comes, read from the connection only as it is taken; ends with the connection, however that ends. */
  readonly frames: AsyncGenerator<Frame, void>
  readonly #socket: Socket

  constructor(socket: Socket, mostBytes: number) {
    this.#socket = socket
    // Whoever writes or reads is told; without a listener it would end the process.
    socket.on('error', () => undefined)
    // Who sends what cannot be read is still told so.
    const chunks = socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>
    this.frames = readFrames(untilBroken(chunks), mostBytes)
  }

  /** Resolves when there is room for more. Rejects with a StoppedError when the connection is gone. */
  send(type: number, data: Uint8Array | string = ''): Promise<void> {
    const socket = this.#socket
    if (!socket.writable) return Promise.reject(new StoppedError('the connection is gone'))
    if (socket.write(encodeFrame(type, data))) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const onDrain = () => {
        socket.off('close', onClose)
        resolve()
      }
      const onClose = () => {
        socket.off('drain', onDrain)
        reject(new StoppedError('the connection is gone'))
      }
      socket.once('drain', onDrain).once('close', onClose)
    })
  }

  /**
   * Ends the conversation; resolves when the other side has ended it too. What that still sends is read until then: the
   * system would throw away what it has not read yet together with what we have not.
   */
  finish(): Promise<void> {
    const socket = this.#socket
    if (socket.destroyed) return Promise.resolve()
    return new Promise((resolve) => {
      socket.once('close', () => resolve())
      socket.end()
      socket.resume()
    })
  }

  close(): void {
    this.#socket.destroy()
  }
}

/** A connection that breaks is one that ends: what was missing then, whoever reads knows. */
async function* untilBroken(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  try {
    yield* chunks
  } catch {
    return
  }
}
