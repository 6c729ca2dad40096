import { readFileSync } from 'node:fs'
import { isAbsolute } from 'node:path'
import { parse, TomlError } from 'smol-toml'
import { RefusedError } from '../base/errors.ts'
import { LOG_LEVELS, type LogLevel } from '../base/log.ts'
import { isSchedule } from '../base/schedule.ts'
import { lineOf } from './config-text.ts'

export const DEFAULT_CONFIG_PATH = '/etc/xscontainer/xscontainer.toml'

/** Every knob. Times in the unit that the key's name ends with. The shipped sample rpm/xscontainer.toml explains each. */
export interface Config {
  readonly xapi: { readonly socket: string; readonly inventory: string }
  readonly guest: {
    readonly ssh_port: number
    readonly tls_port: number
    readonly allow_loopback: boolean
    readonly handshakes: number
    readonly connect_timeout_s: number
    readonly keepalive_s: number
  }
  readonly monitor: {
    readonly grace_s: number
    readonly resync_s: number
    readonly top_schedule: string
    readonly writes_per_s: number
    readonly value_budget_bytes: number
  }
  readonly log: { readonly level: LogLevel; readonly file: string }
  readonly control: { readonly socket: string }
  readonly config_drive: { readonly template: string; readonly tools_isos: string }
}

interface Knob {
  readonly fallback: string | number | boolean
  /** What is wrong with a value of the right type; undefined when nothing is. */
  readonly wrong?: (value: never) => string | undefined
}

/** Defaults are for a production host; limits are where the daemon was tried. */
const KNOBS: Readonly<Record<string, Readonly<Record<string, Knob>>>> = {
  xapi: {
    socket: { fallback: '/var/lib/xcp/xapi', wrong: notAbsolute },
    inventory: { fallback: '/etc/xensource-inventory', wrong: notAbsolute },
  },
  guest: {
    ssh_port: { fallback: 22, wrong: outside(1, 65_535) },
    tls_port: { fallback: 2376, wrong: outside(1, 65_535) },
    allow_loopback: { fallback: false },
    // One sshd allows 10 unauthenticated connections before it drops some (MaxStartups 10:30:100).
    handshakes: { fallback: 8, wrong: outside(1, 1000) },
    connect_timeout_s: { fallback: 10, wrong: outside(1, 60) },
    keepalive_s: { fallback: 15, wrong: outside(5, 600) },
  },
  monitor: {
    grace_s: { fallback: 120, wrong: outside(5, 86_400) },
    resync_s: { fallback: 300, wrong: outside(5, 86_400) },
    top_schedule: { fallback: '0 * * * * *', wrong: notSchedule },
    writes_per_s: { fallback: 400, wrong: outside(1, 10_000) },
    // XAPI refuses requests over 300 KiB, and every change sends the whole record to every client.
    value_budget_bytes: { fallback: 65_536, wrong: outside(1024, 200_000) },
  },
  log: {
    level: { fallback: 'info', wrong: notLevel },
    file: { fallback: '/var/log/xscontainer.log', wrong: notAbsolute },
  },
  control: { socket: { fallback: '/run/xscontainer/control.sock', wrong: notAbsolute } },
  config_drive: {
    // Where the predecessor's administrators have theirs.
    template: { fallback: '/opt/xensource/packages/files/xscontainer/cloud-config.template', wrong: notAbsolute },
    tools_isos: { fallback: '/opt/xensource/packages/iso', wrong: notAbsolute },
  },
}

/**
 * The configuration in `path`. Where there is no such file that means defaults, and `absent` is told, which may throw what
 * it is told. Throws RefusedError.
 */
export function loadConfig(path: string, absent: (why: RefusedError) => void = () => undefined): Config {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? 'unknown error'
    const cause = `Cannot read ${path}: ${why}`
    const refusal = new RefusedError({ kind: 'config', cause, cure: 'Check the path and its permissions' })
    if (why !== 'ENOENT') throw refusal
    absent(refusal)
    return parseConfig('', path)
  }
  return parseConfig(text, path)
}

/** The configuration in a TOML text, defaults filled in, frozen. Throws RefusedError that names line and key. */
export function parseConfig(text: string, path: string): Config {
  const given = parseToml(text, path)
  for (const section of Object.keys(given)) {
    if (!Object.hasOwn(KNOBS, section))
      throw bad(path, lineOf(text, section), section, `is not a section (known: ${list(KNOBS)})`)
  }
  const sections = Object.entries(KNOBS).map(([section, knobs]) => {
    const values = given[section] ?? {}
    if (!isTable(values))
      throw bad(path, lineOf(text, section), section, 'must be a section, written as a line of its own in brackets')
    for (const key of Object.keys(values)) {
      if (!Object.hasOwn(knobs, key))
        throw bad(path, lineOf(text, section, key), `${section}.${key}`, `is not a known key (known: ${list(knobs)})`)
    }
    return [
      section,
      Object.freeze(
        readSection(values, knobs, (key, why) => bad(path, lineOf(text, section, key), `${section}.${key}`, why)),
      ),
    ]
  })
  return Object.freeze(Object.fromEntries(sections)) as Config
}

function readSection(
  values: Readonly<Record<string, unknown>>,
  knobs: Readonly<Record<string, Knob>>,
  wrong: (key: string, why: string) => Error,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(knobs).map(([key, knob]) => {
      const value = values[key] ?? knob.fallback
      if (typeof value !== typeof knob.fallback)
        throw wrong(key, `must be a ${typeof knob.fallback}, not ${describe(value)}`)
      const why = knob.wrong?.(value as never)
      if (why !== undefined) throw wrong(key, why)
      return [key, value]
    }),
  )
}

function parseToml(text: string, path: string): Readonly<Record<string, unknown>> {
  try {
    return parse(text)
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    const [what = ''] = error.message.split('\n')
    throw new RefusedError({
      kind: 'config',
      cause: `${path}, line ${error.line}: ${what.replace(/^Invalid TOML document: /, '')}`,
      cure: 'Correct the file; the sample in /usr/share/doc/xscontainer shows every key',
    })
  }
}

function bad(path: string, line: number, key: string, why: string): RefusedError {
  return new RefusedError({
    kind: 'config',
    cause: `${path}, line ${line}: ${key} ${why}`,
    cure: 'Correct this line or remove it to get the default',
  })
}

function outside(min: number, max: number) {
  return (value: number) =>
    Number.isInteger(value) && value >= min && value <= max
      ? undefined
      : `must be a whole number from ${min} to ${max}, not ${value}`
}

function notAbsolute(value: string): string | undefined {
  return isAbsolute(value) ? undefined : `must be an absolute path, not ${JSON.stringify(value)}`
}

function notSchedule(value: string): string | undefined {
  if (value === 'off' || (value.trim().split(/\s+/).length === 6 && isSchedule(value))) return undefined
  return `must be "off" or a schedule of six fields, seconds first, as "0 * * * * *", not ${JSON.stringify(value)}`
}

function notLevel(value: string): string | undefined {
  return LOG_LEVELS.includes(value as LogLevel)
    ? undefined
    : `must be one of ${LOG_LEVELS.join(', ')}, not ${JSON.stringify(value)}`
}

function describe(value: unknown): string {
  return Array.isArray(value)
    ? 'a list'
    : isTable(value)
      ? 'a section'
      : `${typeof value} ${JSON.stringify(String(value)).slice(0, 60)}`
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
}

function list(of: object): string {
  return Object.keys(of).join(', ')
}
