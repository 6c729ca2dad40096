import { open } from 'node:fs/promises'
import { DiagnosedError, RefusedError } from '../../base/errors.ts'
import { checkTemplate } from '../../provision/config-drive/check-template.ts'
import { DEFAULT_TEMPLATE } from '../../provision/config-drive/default-template.ts'

/** Clients send it back as an argument, which Linux limits to 128 KiB: what is larger could not be used. */
const MOST_BYTES = 100 * 1024

/**
 * The template for new config drives on this host: the administrator's file at `path` where there is one, else the one
 * that comes with xscontainer. Rejects with a RefusedError that names the file, and the line, when it is not usable.
 */
export async function templateOnHost(path: string): Promise<string> {
  const text = await readOverride(path)
  if (text === undefined) return DEFAULT_TEMPLATE
  try {
    checkTemplate(text)
  } catch (error) {
    if (!(error instanceof DiagnosedError)) throw error
    const { kind, cause, cure } = error.diagnosis
    throw new RefusedError({ kind, cause: `${path}: ${cause}`, cure: `${cure}; without that file the default is used` })
  }
  return text
}

/** undefined: there is no such file. */
async function readOverride(path: string): Promise<string | undefined> {
  try {
    const file = await open(path, 'r')
    try {
      return await readSmall(path, file)
    } finally {
      await file.close()
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw error instanceof DiagnosedError ? error : unusable(path, `it cannot be read (${code ?? 'unknown error'})`)
  }
}

async function readSmall(path: string, file: Awaited<ReturnType<typeof open>>): Promise<string> {
  const bytes = Buffer.alloc(MOST_BYTES + 1)
  const { bytesRead } = await file.read(bytes, 0, bytes.length, 0)
  if (bytesRead > MOST_BYTES) throw unusable(path, `it has more than ${MOST_BYTES / 1024} KiB`)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, bytesRead))
  } catch {
    throw unusable(path, 'it is not UTF-8 text')
  }
}

function unusable(path: string, why: string): RefusedError {
  return new RefusedError({
    kind: 'template-file',
    cause: `The template ${path} cannot be used: ${why}`,
    cure: 'Correct the file, or remove it to get the default',
  })
}
