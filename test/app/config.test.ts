import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { loadConfig, parseConfig } from '../../src/app/config.ts'
import { RefusedError } from '../../src/base/errors.ts'

const PATH = '/etc/xscontainer/xscontainer.toml'
const DEFAULTS = {
  xapi: { socket: '/var/lib/xcp/xapi', inventory: '/etc/xensource-inventory' },
  guest: {
    ssh_port: 22,
    tls_port: 2376,
    allow_loopback: false,
    handshakes: 8,
    connect_timeout_s: 10,
    keepalive_s: 15,
  },
  monitor: {
    grace_s: 120,
    resync_s: 300,
    top_schedule: '0 * * * * *',
    writes_per_s: 400,
    value_budget_bytes: 65_536,
  },
  log: { level: 'info', file: '/var/log/xscontainer.log' },
  control: { socket: '/run/xscontainer/control.sock' },
  config_drive: {
    template: '/opt/xensource/packages/files/xscontainer/cloud-config.template',
    tools_isos: '/opt/xensource/packages/iso',
  },
}

describe('a configuration', () => {
  test('of nothing is all defaults', () => {
    for (const text of ['', '\n# nothing\n', '[guest]\n[monitor]\n']) expect(parseConfig(text, PATH)).toEqual(DEFAULTS)
  })

  test('changes what it names and nothing else', () => {
    const text = '[guest]\nssh_port = 2222\nallow_loopback = true\n\n[monitor]\ngrace_s = 5\ntop_schedule = "off"\n'
    expect(parseConfig(text, PATH)).toEqual({
      ...DEFAULTS,
      guest: { ...DEFAULTS.guest, ssh_port: 2222, allow_loopback: true },
      monitor: { ...DEFAULTS.monitor, grace_s: 5, top_schedule: 'off' },
    })
  })

  test('is frozen at all depths', () => {
    const config = parseConfig('', PATH)
    expect(() => Object.assign(config, { log: {} })).toThrow(TypeError)
    expect(() => Object.assign(config.guest, { ssh_port: 1 })).toThrow(TypeError)
  })

  test.each([
    ['resync_s = 5', 'resync_s', 5],
    ['grace_s = 86400', 'grace_s', 86_400],
    ['top_schedule = "*/10 * * * * *"', 'top_schedule', '*/10 * * * * *'],
    ['value_budget_bytes = 1024', 'value_budget_bytes', 1024],
  ] as const)('may say %s', (line, key, value) => {
    expect(parseConfig(`[monitor]\n${line}`, PATH).monitor[key]).toBe(value)
  })
})

describe('an error names file, line and key, and says what is wrong', () => {
  test.each([
    ['[gest]\nssh_port = 22', 1, 'gest', 'is not a section (known: xapi, guest, monitor, log, control, config_drive)'],
    ['\n\n[guest]\nport = 22', 4, 'guest.port', 'is not a known key (known: ssh_port, tls_port,'],
    ['[guest]\nssh_port = 0', 2, 'guest.ssh_port', 'must be a whole number from 1 to 65535, not 0'],
    ['[guest]\nssh_port = 65536', 2, 'guest.ssh_port', 'must be a whole number from 1 to 65535'],
    ['[guest]\nssh_port = 22.5', 2, 'guest.ssh_port', 'must be a whole number from 1 to 65535, not 22.5'],
    ['[guest]\nssh_port = nan', 2, 'guest.ssh_port', 'must be a whole number'],
    ['[guest]\nssh_port = "22"', 2, 'guest.ssh_port', 'must be a number, not string "22"'],
    ['[guest]\nallow_loopback = 1', 2, 'guest.allow_loopback', 'must be a boolean, not number "1"'],
    ['[guest]\nhandshakes = [8]', 2, 'guest.handshakes', 'must be a number, not a list'],
    ['[guest]\nhandshakes = 1979-05-27', 2, 'guest.handshakes', 'must be a number, not'],
    ['[guest]\n[guest.handshakes]\nx = 1', 2, 'guest.handshakes', 'must be a number, not a section'],
    ['[guest]\nconnect_timeout_s = 61', 2, 'guest.connect_timeout_s', 'must be a whole number from 1 to 60'],
    ['[guest]\nkeepalive_s = 4', 2, 'guest.keepalive_s', 'must be a whole number from 5 to 600'],
    ['[monitor]\ngrace_s = 4', 2, 'monitor.grace_s', 'must be a whole number from 5 to 86400'],
    ['[monitor]\nresync_s = 4', 2, 'monitor.resync_s', 'must be a whole number from 5 to 86400'],
    ['[monitor]\nwrites_per_s = 0', 2, 'monitor.writes_per_s', 'must be a whole number from 1 to 10000'],
    [
      '[monitor]\nvalue_budget_bytes = 300000',
      2,
      'monitor.value_budget_bytes',
      'must be a whole number from 1024 to 200000',
    ],
    ['[monitor]\ntop_schedule = "* * * * *"', 2, 'monitor.top_schedule', 'must be "off" or a schedule of six fields'],
    ['[monitor]\ntop_schedule = "x * * * * *"', 2, 'monitor.top_schedule', 'must be "off" or a schedule'],
    [
      '[log]\nlevel = "loud"',
      2,
      'log.level',
      'must be one of trace, debug, info, warn, error, fatal, silent, not "loud"',
    ],
    ['[log]\nfile = "x.log"', 2, 'log.file', 'must be an absolute path, not "x.log"'],
    ['[xapi]\nsocket = ""', 2, 'xapi.socket', 'must be an absolute path, not ""'],
    ['[xapi]\ninventory = "../x"', 2, 'xapi.inventory', 'must be an absolute path'],
    ['[control]\nsocket = "s"', 2, 'control.socket', 'must be an absolute path'],
    ['# x\nguest = 5', 2, 'guest', 'must be a section, written as a line of its own in brackets'],
    ['[[guest]]\nssh_port = 5', 1, 'guest', 'must be a section'],
    ['ssh_port = 22', 1, 'ssh_port', 'is not a section'],
    ['guest.handshakes = 8\nguest.ssh_port = 0', 2, 'guest.ssh_port', 'must be a whole number'],
    ['guest = { ssh_port = 0 }', 1, 'guest.ssh_port', 'must be a whole number'],
    ['[ "guest" ]\n"ssh_port" = 0', 2, 'guest.ssh_port', 'must be a whole number'],
    ['[log]\nlevel = "info"\n[guest]\n# ssh_port = 1\nssh_port = 0', 5, 'guest.ssh_port', 'must be a whole number'],
    ['[constructor]', 1, 'constructor', 'is not a section'],
    ['[guest]\ntoString = 5', 2, 'guest.toString', 'is not a known key'],
    ['[guest]\n__proto__ = 5', 2, 'guest.__proto__', 'is not a known key'],
  ])('%j', (text, line, key, why) => {
    const error = thrown(() => parseConfig(text, PATH))
    expect(error).toBeInstanceOf(RefusedError)
    expect(error.message).toContain(`${PATH}, line ${line}: ${key} ${why}`)
    expect(error.message).toContain('. Correct this line or remove it to get the default')
  })

  test.each([
    ['[guest\nssh_port = 22', 1],
    ['[guest]\nssh_port 22', 2],
    ['[guest]\nssh_port = 22\nssh_port = 23', 3],
    ['[guest]\n\n\nssh_port = ', 4],
    ['[log]\nfile = "/x', 2],
  ])('%j is no TOML', (text, line) => {
    const error = thrown(() => parseConfig(text, PATH))
    expect(error).toBeInstanceOf(RefusedError)
    expect(error.message).toMatch(new RegExp(`^${PATH}, line ${line}: \\w`))
    expect(error.message).not.toContain('\n')
  })
})

describe('loading', () => {
  test('a missing file means defaults, and whoever asked is told', () => {
    let told = 0
    expect(loadConfig('/nonexistent/x.toml', () => told++)).toEqual(DEFAULTS)
    expect(told).toBe(1)
  })

  test('a file that is there is read', () => {
    const dir = mkdtempSync(join(tmpdir(), 'config-'))
    onTestFinished(() => rmSync(dir, { recursive: true }))
    writeFileSync(join(dir, 'x.toml'), '[log]\nlevel = "debug"\n')
    expect(loadConfig(join(dir, 'x.toml')).log.level).toBe('debug')
    expect(() => loadConfig(dir)).toThrow(`Cannot read ${dir}: EISDIR. Check the path and its permissions`)
  })
})

describe('the shipped sample', () => {
  const sample = readFileSync('rpm/xscontainer.toml', 'utf8')
  const knobs = Object.entries(DEFAULTS).flatMap(([section, keys]) =>
    Object.keys(keys).map((key) => ({ section, key })),
  )
  const lines = sample.split('\n')

  test('is all defaults as it is, and with every key in force', () => {
    expect(parseConfig(sample, PATH)).toEqual(DEFAULTS)
    const inForce = sample.replace(/^#(?=[a-z_]+ = )/gm, '')
    expect(parseConfig(inForce, PATH)).toEqual(DEFAULTS)
    expect(inForce.match(/^[a-z_]+ = /gm)).toHaveLength(knobs.length)
  })

  test.each(knobs)('explains $section.$key, and where it is a number its unit and limits', ({ section, key }) => {
    const start = lines.indexOf(`[${section}]`)
    const end = lines.findIndex((line, i) => i > start && line.startsWith('['))
    const at =
      lines.slice(start, end === -1 ? undefined : end).findIndex((line) => line.startsWith(`#${key} = `)) + start
    expect(at).toBeGreaterThan(start)
    const comment = lines
      .slice(lines.lastIndexOf('', at) + 1, at)
      .filter((line) => line.startsWith('# '))
      .join(' ')
    expect(comment.length).toBeGreaterThan(40)
    const limits = limitsOf(section, key)
    if (limits !== undefined) expect(comment).toContain(`${limits.min} to ${limits.max}`)
    if (key.endsWith('_s') && !key.endsWith('per_s')) expect(comment).toContain('Seconds')
    if (key.endsWith('_bytes')) expect(comment).toContain('Bytes')
  })
})

/** The limits as the parser itself tells them. */
function limitsOf(section: string, key: string): { min: string; max: string } | undefined {
  const error = catching(() => parseConfig(`[${section}]\n${key} = -1`, PATH))
  const found = /whole number from (\d+) to (\d+)/.exec(error?.message ?? '')
  return found === null ? undefined : { min: found[1]!, max: found[2]! }
}

function catching(work: () => unknown): Error | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    return error as Error
  }
}

function thrown(work: () => unknown): Error {
  const error = catching(work)
  if (error === undefined) throw new Error('nothing was thrown')
  return error
}
