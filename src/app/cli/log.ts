import { open } from 'node:fs/promises'
import { RefusedError } from '../../base/errors.ts'
import { numberOption, textOption } from './command-line.ts'
import { LEVELS, logLine } from './log-line.ts'
import { EXIT, type Verb } from './verb.ts'

/** So much of the end of the log is looked at, bytes. */
const MOST_BYTES = 8 * 1024 * 1024
const LINES = 100

/** Prints the end of the monitor's log for people. */
export const log: Verb = async (context, line) => {
  const count = numberOption(line, 'tail', 1, 100_000) ?? LINES
  const least = textOption(line, 'level') ?? 'info'
  if (!LEVELS.includes(least)) throw new Error(`--level takes one of ${LEVELS.join(', ')}`)
  const { file } = (await context.config()).log
  const lines = (await endOf(file)).split('\n').flatMap((one) => logLine(one, least) ?? [])
  for (const one of lines.slice(-count)) context.io.out(`${one}\n`)
  return EXIT.done
}

/** The last whole lines. */
async function endOf(path: string): Promise<string> {
  try {
    const file = await open(path)
    try {
      const { size } = await file.stat()
      const start = Math.max(0, size - MOST_BYTES)
      const { buffer, bytesRead } = await file.read(Buffer.alloc(size - start), 0, size - start, start)
      const text = buffer.toString('utf8', 0, bytesRead)
      return start === 0 ? text : text.slice(text.indexOf('\n') + 1)
    } finally {
      await file.close()
    }
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? 'unknown error'
    throw new RefusedError({
      kind: 'no-log',
      cause: `Cannot read the log ${path}: ${why}`,
      cure: 'Look whether the monitor has run (systemctl status xscontainer-monitor), and become root to read it',
    })
  }
}
