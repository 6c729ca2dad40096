import { runCli } from '../app/cli/cli.ts'
import { systemClock } from '../base/clock.ts'

const io = {
  out: (text: string) => process.stdout.write(text),
  err: (text: string) => process.stderr.write(text),
}

void runCli(process.argv.slice(2), process.env, io, systemClock).then((code) => process.exit(code))
