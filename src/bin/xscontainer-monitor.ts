import { DEFAULT_CONFIG_PATH, loadConfig, type Config } from '../app/config.ts'
import { runDaemon } from '../app/daemon.ts'
import { openLog } from '../app/log-streams.ts'
import { configNamed } from '../app/plugin/config-glance.ts'
import { guardAgainstStalls } from '../app/stall-guard.ts'
import { VERSION } from '../app/version.ts'
import { systemRandom } from '../base/backoff.ts'
import { systemClock } from '../base/clock.ts'
import { asError, DiagnosedError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { parseArgs } from 'node:util'

const HELP = `xscontainer-monitor - publishes what containers run inside the VMs of this host

USAGE
  xscontainer-monitor [--config FILE] [--watchdog SECONDS]

  Stays in the foreground; systemd starts it as xscontainer-monitor.service. It watches XAPI for VMs of this host
  whose other-config key xscontainer-monitor is True, reaches the container engine in each over SSH with the pool's
  key, and keeps docker_ps, docker_info, docker_version, docker_top and xscontainer-status in VM.other_config.

OPTIONS
  --config FILE   read this file instead of ${DEFAULT_CONFIG_PATH}
  --watchdog SECONDS
                  have this process killed when it does nothing at all for so long, 2 to 3600; systemd starts it anew
  --version       print the version
  --help          print this text

ENVIRONMENT
  XSCONTAINER_CONFIG   as --config; the option wins

EXIT STATUS
  0  stopped by SIGTERM or SIGINT, after taking back what was published
  1  gave up after unexpected errors; see the log
  2  wrong options or configuration; the message names line and key

FILES
  ${DEFAULT_CONFIG_PATH}   settings; a missing file means defaults
  /var/log/xscontainer.log                 the log, JSON lines; the journal has them too
`

/** Unexpected errors end one guest's session, not the daemon; so many within an hour mean that it is beyond repair. */
const MOST_DEFECTS = 100
const HOUR_MS = 3_600_000

async function main(): Promise<number> {
  const given = readArguments()
  if (typeof given === 'number') return given
  const { config, watchdogS } = given
  const log = openLog(config.log)
  const stop = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => stop.abort(new Error(name)))
  const beyondRepair = watchForDefects(log)
  log.info({ version: VERSION, node: process.version }, 'xscontainer-monitor')
  if (watchdogS !== undefined) guardAgainstStalls(watchdogS, { clock: systemClock, log }, stop.signal)
  try {
    await Promise.race([
      runDaemon(config, { clock: systemClock, random: systemRandom, log }, stop.signal),
      beyondRepair,
    ])
    return 0
  } catch (error) {
    if (stop.signal.aborted) return 0
    log.fatal({ err: asError(error) }, 'gave up')
    if (error instanceof DiagnosedError) return complain(error)
    return 1
  }
}

interface Given {
  readonly config: Config
  readonly watchdogS: number | undefined
}

function readArguments(): Given | number {
  try {
    const options = {
      config: { type: 'string' },
      watchdog: { type: 'string' },
      version: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    } as const
    const { values } = parsed(() => parseArgs({ options, allowPositionals: false }))
    if (values.help === true) return print(HELP)
    if (values.version === true) return print(`xscontainer-monitor ${VERSION}\n`)
    const named = values.config ?? configNamed(process.env)
    const watchdogS = watchdogSeconds(values.watchdog)
    return { config: loadConfig(named ?? DEFAULT_CONFIG_PATH, () => named !== undefined && notThere(named)), watchdogS }
  } catch (error) {
    return complain(asError(error))
  }
}

/** Whoever has named a file means to have one. */
function notThere(path: string): void {
  process.stderr.write(`xscontainer-monitor: there is no ${path}: all settings have their defaults. Check the path\n`)
}

/** Node's own words say what is wrong, not where to look. */
function parsed<T>(parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    throw new Error(`${asError(error).message.replace(/\.$/, '')}. See xscontainer-monitor --help`, { cause: error })
  }
}

function watchdogSeconds(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const seconds = Number(text)
  if (/^\d+$/.test(text) && seconds >= 2 && seconds <= 3600) return seconds
  throw new Error(`--watchdog takes whole seconds from 2 to 3600, not ${JSON.stringify(text)}`)
}

function print(text: string): number {
  process.stdout.write(text)
  return 0
}

function complain(error: Error): number {
  process.stderr.write(`xscontainer-monitor: ${error.message}\n`)
  return 2
}

function watchForDefects(log: Log): Promise<never> {
  let defects = 0
  let hourAt = systemClock.monotonic()
  return new Promise((_, reject) => {
    const count = (error: unknown) => {
      const now = systemClock.monotonic()
      if (now - hourAt > HOUR_MS) [hourAt, defects] = [now, 0]
      // Errors that logging itself brings about must not fill the disk until this process has ended.
      if (++defects <= MOST_DEFECTS) log.error({ err: asError(error) }, 'defect: an error that nobody expected')
      else reject(new Error(`more than ${MOST_DEFECTS} unexpected errors within an hour`))
    }
    process.on('uncaughtException', count)
    process.on('unhandledRejection', count)
  })
}

// Not every library lets go of its handles: the exit code is known, so this process ends with it.
void main().then((code) => process.exit(code))
