import { open } from 'node:fs/promises'
import { RefusedError } from '../../base/errors.ts'
import { cleanForTerminal } from '../../base/text.ts'
import type { Terminal } from './terminal.ts'

/** More than any template may have: who checks it says what is wrong with it. */
const MOST_BYTES = 4 * 1024 * 1024

/** The text of a file, or with `-` of standard input. Rejects with a RefusedError when it cannot be read, or is no text. */
export async function readTemplateFile(path: string, terminal: Pick<Terminal, 'input'>): Promise<string> {
  const bytes = path === '-' ? await readAll(terminal.input()) : await readFile(path)
  if (bytes.length > MOST_BYTES) throw unusable(path, `it has more than ${MOST_BYTES / 1024 / 1024} MiB`)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw unusable(path, 'it is not UTF-8 text')
  }
}

async function readAll(input: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = []
  let length = 0
  for await (const piece of input) {
    pieces.push(piece)
    length += piece.length
    if (length > MOST_BYTES) break
  }
  return Buffer.concat(pieces)
}

async function readFile(path: string): Promise<Buffer> {
  try {
    const file = await open(path, 'r')
    try {
      const bytes = Buffer.alloc(MOST_BYTES + 1)
      const { bytesRead } = await file.read(bytes, 0, bytes.length, 0)
      return bytes.subarray(0, bytesRead)
    } finally {
      await file.close()
    }
  } catch (error) {
    throw unusable(path, `it cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`)
  }
}

function unusable(path: string, why: string): RefusedError {
  return new RefusedError({
    kind: 'template-file',
    cause: `The template ${path === '-' ? 'on standard input' : cleanForTerminal(path)} cannot be used: ${why}`,
    cure: 'Name a file with cloud-init user data or Ignition JSON; xscontainer config-drive default prints one',
  })
}
