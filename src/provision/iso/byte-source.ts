import { open } from 'node:fs/promises'
import { RefusedError } from '../../base/errors.ts'

/** Bytes that can be read anywhere: a file, a disk of XAPI, a buffer. */
export interface ByteSource {
  readonly size: number
  /** `length` bytes from `offset` on, both within `size`; rejects when they cannot be had. */
  read(offset: number, length: number): Promise<Buffer>
}

export function bufferSource(bytes: Buffer): ByteSource {
  return { size: bytes.length, read: (offset, length) => Promise.resolve(bytes.subarray(offset, offset + length)) }
}

/** Lets `work` read from a file, and closes it afterwards. Rejects with the system's error when it cannot be opened. */
export async function withFileSource<T>(path: string, work: (source: ByteSource) => Promise<T>): Promise<T> {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    return await work({
      size,
      async read(offset, length) {
        const bytes = Buffer.alloc(length)
        const { bytesRead } = await file.read(bytes, 0, length, offset)
        if (bytesRead === length) return bytes
        throw new RefusedError({
          kind: 'file-cut',
          cause: `${path} became shorter while it was read`,
          cure: 'Try again once nobody writes to it',
        })
      },
    })
  } finally {
    await file.close()
  }
}
