import { runCli } from '../app/cli/cli.ts'
import { processTerminal } from '../app/cli/terminal.ts'
import { systemClock } from '../base/clock.ts'
import { StoppedError } from '../base/errors.ts'

const { stdout, stderr, env, argv } = process
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

// Not every library lets go of its handles: the exit code is known, so this process ends with it.
void runCli(argv.slice(2), { env, io, clock: systemClock, signal: stop.signal }).then((code) => process.exit(code))
