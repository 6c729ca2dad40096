import { createLog, fileStream, type Log } from '../../base/log.ts'
import type { Config } from '../config.ts'

/** The daemon's log file. Standard output is the answer's alone, so that where the file cannot be written nothing is logged. */
export function openPluginLog({ level, file }: Config['log']): Log {
  try {
    return createLog(
      level,
      fileStream(file, () => undefined),
    )
  } catch {
    return createLog('silent', { write: () => undefined })
  }
}
