import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { asError } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import { agentFiles } from '../../provision/config-drive/config-drive-image.ts'
import { withFileSource } from '../../provision/iso/byte-source.ts'
import { readIso } from '../../provision/iso/read-iso.ts'
import type { IsoEntry } from '../../provision/iso/write-iso.ts'

/** `guest-tools.iso` since 8.0, `xs-tools-7.6.0.iso` before. */
const TOOLS = /^(?:guest-tools|xs-tools)[^/]*\.iso$/

/**
 * The Linux guest agent's files of this host's newest ISO of guest tools that has them. None where there is no such ISO
 * (hosts of since 2023), or it cannot be read, which the log says: a config drive is of use without.
 */
export async function agentOnHost(log: Log, folder: string): Promise<IsoEntry[]> {
  for (const name of await toolsIsos(folder)) {
    const path = join(folder, name)
    try {
      const files = await withFileSource(path, async (source) => agentFiles(await readIso(source)))
      if (files.length > 0) return files
    } catch (error) {
      log.warn({ err: asError(error), iso: path }, 'the guest agent cannot be read from this ISO')
    }
  }
  return []
}

/** The newest first, as far as names tell. */
async function toolsIsos(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => [])
  const newestFirst = (a: string, b: string) => -a.localeCompare(b, 'en', { numeric: true })
  const tools = names.filter((name) => TOOLS.test(name)).sort(newestFirst)
  return [...tools.filter((name) => name.startsWith('guest-')), ...tools.filter((name) => !name.startsWith('guest-'))]
}
