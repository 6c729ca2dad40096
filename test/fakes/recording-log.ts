import { createLog, type Log } from '../../src/base/log.ts'

/** One line as it would stand in the log file. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly level: string; readonly msg: string }

/** The real logger, writing into memory: what a test reads has gone through the same blotting as in production. */
export class RecordingLog {
  readonly lines: LogLine[] = []
  readonly log: Log = createLog('trace', { write: (line) => this.lines.push(JSON.parse(line) as LogLine) })

  /** Messages of the lines at this level and above it. */
  at(...levels: string[]): string[] {
    return this.lines.filter(({ level }) => levels.includes(level)).map(({ msg }) => msg)
  }

  get text(): string {
    return JSON.stringify(this.lines)
  }
}
