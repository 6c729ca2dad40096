import { createLog, fileStream, teeStream, type Log } from '../base/log.ts'
import type { Config } from './config.ts'

/** The daemon's log: to stdout, which the journal collects, and to the configured file if that can be opened. */
export function openLog({ level, file }: Config['log']): Log {
  const stdout = process.stdout
  // Whoever read it may go away; an 'error' that nobody listens to would be logged, to the same stream, without end.
  stdout.on('error', () => undefined)
  try {
    return createLog(level, teeStream([stdout, fileStream(file, (why) => stdout.write(warning(file, why)))]))
  } catch (error) {
    const log = createLog(level, stdout)
    log.warn({ file, err: error }, 'cannot write the log file, logging to standard output only')
    return log
  }
}

function warning(file: string, why: Error): string {
  return JSON.stringify({ level: 'warn', msg: 'cannot write the log file', file, reason: why.message }) + '\n'
}
