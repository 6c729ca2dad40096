import { readFile } from 'node:fs/promises'
import { RefusedError } from '../../base/errors.ts'
import { cleanForTerminal, cutText } from '../../base/text.ts'
import type { TlsWish } from '../prepare/tls-wish.ts'
import { textOption, type CommandLine } from './command-line.ts'
import type { CliContext } from './context.ts'

const MOST_BYTES = 512 * 1024
const FILES = ['client-cert', 'client-key', 'ca-cert'] as const

/**
 * Which certificates the options ask for, `otherwise` where they do not say. Throws an Error about options that do not
 * go together, rejects with a RefusedError that never quotes a file.
 */
export async function readTlsWish(
  context: CliContext,
  line: CommandLine,
  otherwise: 'present' | 'generate',
): Promise<TlsWish> {
  const given = FILES.filter((name) => textOption(line, name) !== undefined)
  const generate = line.options['generate-certs'] === true
  if (generate && given.length > 0) throw new Error(`--generate-certs and --${given[0]} cannot both be given`)
  if (given.length > 0) return readGiven(line)
  if (!generate && otherwise === 'present') return { use: 'present' }
  const storage = textOption(line, 'sr')
  if (storage === undefined) return { use: 'generate', storage: undefined }
  const { storageNamed } = await import('./storage-word.ts')
  return { use: 'generate', storage: (await storageNamed(await context.session(), storage, context.signal)).ref }
}

/** For mode ssh, where the options mean nothing: throws an Error when one is given. */
export function noTlsOptions(line: CommandLine): undefined {
  const given = [...FILES, 'generate-certs', 'sr'].find((name) => line.options[name] !== undefined)
  if (given !== undefined) throw new Error(`--${given} goes with --mode tls only`)
}

async function readGiven(line: CommandLine): Promise<TlsWish> {
  const [certificate, key, ca] = FILES.map((name) => {
    const path = textOption(line, name)
    if (path === undefined)
      throw new Error(`--${name} is missing: all of ${FILES.map((file) => `--${file}`).join(', ')} are needed`)
    return path
  }) as [string, string, string]
  return {
    use: 'given',
    parts: { certificate: await readPem(certificate), key: await readPem(key), ca: await readPem(ca) },
    from: { certificate: shown(certificate), key: shown(key), ca: shown(ca) },
  }
}

async function readPem(path: string): Promise<string> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    throw new RefusedError({
      kind: 'unreadable-file',
      cause: `Cannot read ${shown(path)}: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}`,
      cure: 'Check its name and permissions',
    })
  }
  if (text.length <= MOST_BYTES) return text
  throw new RefusedError({
    kind: 'unreadable-file',
    cause: `${shown(path)} is larger than ${MOST_BYTES / 1024} KB`,
    cure: 'Check its name',
  })
}

function shown(path: string): string {
  return cutText(cleanForTerminal(path), 200)
}
