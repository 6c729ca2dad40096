import type { Clock } from '../../base/clock.ts'
import { asError, DiagnosedError } from '../../base/errors.ts'
import { createLog } from '../../base/log.ts'
import { XapiSession } from '../../xapi/session.ts'
import { DEFAULT_CONFIG_PATH, loadConfig } from '../config.ts'
import { VERSION } from '../version.ts'
import { parseCommandLine, type CommandLine } from './command-line.ts'
import { HELP } from './help.ts'
import { ps } from './ps.ts'
import { status } from './status.ts'
import { readVms, type CliVm } from './vms.ts'

const XAPI_MS = 30_000

/** Where the command line writes. Everything it prints has been cleaned of control sequences. */
export interface CliIo {
  out(text: string): void
  err(text: string): void
}

/** One command: gets the pool's VMs as XAPI has them, prints, gives the exit code. */
export type Command = (vms: readonly CliVm[], line: CommandLine, io: CliIo, nowMs: number) => number

const COMMANDS: Readonly<Record<string, { readonly run: Command; readonly mostArgs: number }>> = {
  status: { run: status, mostArgs: 0 },
  ps: { run: ps, mostArgs: 1 },
}

/** Runs one command line; the exit code: 0 done, 1 failed, 2 wrong words or an ambiguous VM. */
export async function runCli(
  words: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  io: CliIo,
  clock: Clock,
): Promise<number> {
  try {
    const line = parseCommandLine(words)
    if (line.help) return say(io, HELP)
    if (line.version) return say(io, `xscontainer ${VERSION}\n`)
    const command = Object.hasOwn(COMMANDS, line.command) ? COMMANDS[line.command] : undefined
    if (command === undefined)
      return usage(
        io,
        line.command === '' ? 'a command is missing' : `there is no command ${JSON.stringify(line.command)}`,
      )
    const surplus = line.args[command.mostArgs]
    if (surplus !== undefined) return usage(io, `there is one word too many, ${JSON.stringify(surplus)}`)
    const named = line.config ?? env['XSCONTAINER_CONFIG']
    const config = loadConfig(named ?? DEFAULT_CONFIG_PATH, named !== undefined)
    const vms = await fromXapi(config.xapi, clock)
    return command.run(vms, line, io, clock.now())
  } catch (error) {
    return complain(io, asError(error))
  }
}

async function fromXapi(xapi: { socket: string; inventory: string }, clock: Clock): Promise<CliVm[]> {
  const log = createLog('silent', { write: () => undefined })
  const session = new XapiSession({ socketPath: xapi.socket, clock, log, callMs: XAPI_MS })
  const signal = new AbortController().signal
  try {
    return await readVms(session, xapi.inventory, signal)
  } finally {
    await session.logout(signal)
  }
}

function complain(io: CliIo, error: Error): number {
  if (error instanceof DiagnosedError) {
    io.err(`xscontainer: ${error.message}\n`)
    return ['config', 'usage', 'ambiguous', 'no-such-vm'].includes(error.diagnosis.kind) ? 2 : 1
  }
  return usage(io, error.message)
}

function usage(io: CliIo, what: string): number {
  io.err(`xscontainer: ${what}. See xscontainer --help\n`)
  return 2
}

function say(io: CliIo, text: string): number {
  io.out(text)
  return 0
}
