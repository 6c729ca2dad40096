import { systemClock } from '../base/clock.ts'
import { StoppedError } from '../base/errors.ts'
import { runCli } from '../app/cli/cli.ts'
import { processTerminal } from '../app/cli/terminal.ts'

/** Runs one command line as this process, whose signals end it; the exit code. Never rejects. */
export async function runProcess(words: readonly string[], process: NodeJS.Process): Promise<number> {
  const { stdout, stderr, env } = process
  const stop = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => stop.abort(new StoppedError(`stopped by ${name}`)))
  }
  // Nobody reads any more (`xscontainer ps | head -1`): there is nothing left to do, and nothing to complain about.
  for (const stream of [stdout, stderr]) stream.on('error', () => process.exit(1))
  const io = {
    out: (text: string) => stdout.write(text),
    err: (text: string) => stderr.write(text),
    terminal: processTerminal(process),
  }
  const code = await runCli(words, { env, io, clock: systemClock, uid: process.geteuid?.(), signal: stop.signal })
  // A pipe holds no more than 64 KiB at a time: the rest has to be taken before this process ends.
  for (const stream of [stdout, stderr]) await new Promise<void>((resolve) => stream.write('', () => resolve()))
  return code
}
