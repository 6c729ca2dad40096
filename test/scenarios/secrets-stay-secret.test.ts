import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { askDaemon } from './control-socket.ts'
import { keepsKeys, nextKeyIsMade } from './guest-keys.ts'
import { callHost, installPlugin, untilDaemonsListen } from './plugin-clients.ts'
import { ProcessWatcher } from './process-watcher.ts'
import { cliOn } from './run-cli.ts'
import { TLS_PORT, WindowsGuest } from './windows-guest.ts'
import { World } from './world.ts'

const PASSWORDS = ['correct-horse-battery-staple', 'hunter2-of-the-guest']
const SETTINGS = {
  guest: { tls_port: TLS_PORT, allow_loopback: true, connect_timeout_s: 3, keepalive_s: 5 },
  log: { level: 'trace' },
}

/** What was seen while a pool was used in every way, and what that left behind. */
interface Traces {
  /** By where it was: every text that somebody might read. */
  readonly texts: Map<string, string>
  /** What must not be in them, and what that is. */
  readonly needles: ReadonlyMap<string, string>
  readonly watcher: ProcessWatcher
  readonly files: readonly { readonly path: string; readonly mode: number; readonly text: string }[]
}

let traces: Traces
let world: World
let windows: WindowsGuest
const sessions = new Set<string>()
const keys = new Set<string>()

beforeAll(async () => {
  world = await World.start({ settings: SETTINGS })
  const watcher = new ProcessWatcher(/dist\/bin\/xscontainer-monitor|dist\/bin\/xscontainer(?=\0)|plugins\/xscontainer/)
  const { TMPDIR } = process.env
  process.env['TMPDIR'] = join(world.dir, 'tmp')
  mkdirSync(process.env['TMPDIR'])
  try {
    traces = await useAll(watcher)
  } finally {
    await watcher.stop()
    if (TMPDIR === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = TMPDIR
  }
})
afterAll(async () => {
  await windows.quiet()
  await world.stop()
})

async function useAll(watcher: ProcessWatcher): Promise<Traces> {
  rememberSessions()
  const said: string[] = []
  const run = async (words: readonly string[], input = '') => {
    const { out, err } = await cliOn(world)(words, input)
    said.push(out, err)
  }
  const call = async (fn: string, args: Record<string, string>) => {
    const host = world.pool.hosts[0]!
    said.push(await callHost(world, host, fn, args).catch((error: unknown) => String(error)))
  }
  installPlugin(world)
  const daemon = await world.startDaemon()
  await untilDaemonsListen(world)
  const guest = await world.addGuest({ engine: { containers: [{ name: 'web' }] }, behaviours: [keepsKeys()] })
  const refused = await world.addGuest({ otherConfig: { 'xscontainer-username': 'nobody' } })
  await world.untilMonitored(guest)
  await world.untilFailed(refused, /refused the key/)
  windows = await WindowsGuest.start(world)
  const served = windows.runScript()
  await run(['prepare-vm', windows.uuid, '--mode', 'tls', '--generate-certs', '--yes'])
  const disc = await served
  const files = { good: join(world.dir, 'tmp', 'password'), bad: join(world.dir, 'tmp', 'junk.pem') }
  writeFileSync(files.good, `${PASSWORDS[0]}\n`, { mode: 0o600 })
  writeFileSync(files.bad, '-----BEGIN RSA PRIVATE KEY-----\nbm90IGEga2V5IGF0IGFsbA==\n', { mode: 0o600 })
  await run(['prepare-vm', refused.uuid, '--username', 'nobody', '--password-file', files.good, '--yes'])
  await run(['prepare-vm', refused.uuid, '--identity', files.bad, '--yes'])
  const password = await world.call('secret.create', { value: PASSWORDS[1], other_config: {} })
  const uuid = (await world.call('secret.get_uuid', password)) as string
  await call('prepare_vm', { vmuuid: refused.uuid, username: 'nobody', 'password-secret': uuid })
  for (const fn of ['get_top', 'get_inspect', 'restart'])
    await call(fn, { vmuuid: guest.uuid, container: 'web', object: 'web' })
  for (const verb of ['status', 'doctor', 'log']) await run([verb, ...(verb === 'doctor' ? [guest.name] : [])])
  await world.setKey(refused, 'xscontainer-monitor', 'False')
  await rememberKeys()
  await nextKeyIsMade(world)
  await rememberKeys()
  await run(['key', 'rotate'])
  await rememberKeys()
  // The daemon's session ends under it, and XAPI's answers say which one that was.
  await world.pool.restart()
  await askDaemon(world, 'refresh', { vmuuid: guest.uuid }).catch(() => '')
  await daemon.terminate()
  // Without the monitor the plugin does it itself, with the keys, and keeps a log of its own.
  await call('restart', { vmuuid: guest.uuid, container: 'web' })
  for (const name of disc.keys()) if (name.includes('key')) keys.add(disc.get(name)!)
  return gather(watcher, said, daemon.stderr(), Object.values(files))
}

function gather(watcher: ProcessWatcher, said: readonly string[], stderr: string, inputs: readonly string[]): Traces {
  const files = filesBelow(world.dir).filter(({ path }) => !inputs.includes(path))
  const pool = world.pool.record('pool', world.pool.objects.pool)!['other_config']
  const texts = new Map([
    ['answers', said.join('\n')],
    ['stderr', stderr],
    ['messages', JSON.stringify(world.pool.allMessages())],
    [
      'other_config',
      JSON.stringify([pool, ...world.guests.map((guest) => world.config(guest)), world.config(windows)]),
    ],
    ['environments', [...watcher.environments].join('\n')],
    ...files.map(({ path, text }) => [path, text] as const),
  ])
  const lines = [...keys].flatMap(bodyOf).map((line) => [line, 'key'] as const)
  const words = PASSWORDS.map((word) => [word, 'password'] as const)
  const needles = new Map<string, string>([
    ...lines,
    ...words,
    ...[...sessions].map((ref) => [ref, 'session'] as const),
  ])
  return { texts, needles, watcher, files }
}

/** The sim tells of each session that it makes. */
function rememberSessions(): void {
  const { sessions: all } = world.pool
  const login = all.login.bind(all)
  all.login = (...of) => {
    const ref = login(...of)
    sessions.add(ref)
    return ref
  }
}

async function rememberKeys(): Promise<void> {
  const records = (await world.call('secret.get_all_records')) as Record<string, { value: string }>
  for (const { value } of Object.values(records)) if (value.includes('PRIVATE KEY')) keys.add(value)
}

/** The lines that are a key's alone: not its first, which says what it is. */
function bodyOf(pem: string): string[] {
  return pem
    .split('\n')
    .filter((line) => /^[A-Za-z0-9+/=]{40,}$/.test(line))
    .slice(1)
}

function filesBelow(dir: string): { path: string; mode: number; text: string }[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name)
    if (entry.isDirectory()) return filesBelow(path)
    return entry.isFile() ? [{ path, mode: statSync(path).mode & 0o777, text: readFileSync(path, 'latin1') }] : []
  })
}

function found(text: string): string[] {
  const { needles } = traces
  return [...needles].flatMap(([needle, what]) => (text.includes(needle) ? [what] : []))
}

describe('a pool is used in every way, at the most talkative log level', () => {
  test('there was something to find', () => {
    const { needles, texts, watcher } = traces
    expect(keys.size).toBeGreaterThanOrEqual(4)
    expect(sessions.size).toBeGreaterThan(3)
    expect(needles.size).toBeGreaterThan(50)
    expect([...texts.keys()].filter((path) => path.endsWith('.log')).length).toBeGreaterThanOrEqual(2)
    for (const part of ['xscontainer-monitor', 'bin/xscontainer\0', 'plugins/xscontainer'])
      expect(
        [...watcher.commandLines].some((line) => line.includes(part)),
        part,
      ).toBe(true)
    expect(found(`x${[...needles.keys()][0]}y`)).toHaveLength(1)
  })

  test('no key, password or session is in a log, an answer, a message, a record, an environment or a file', () => {
    expect(
      [...traces.texts].map(([where, text]) => [where, found(text)]).filter(([, what]) => what!.length > 0),
    ).toEqual([])
  })

  test('none is in a command line, but the session in the one that XAPI starts a plugin with', () => {
    for (const line of traces.watcher.commandLines) {
      const what = new Set(found(line))
      if (line.includes('<methodCall>')) what.delete('session')
      expect([line, ...what]).toEqual([line])
    }
  })

  test('no file of ours may be read by others, and none is left in the folder for temporary ones', () => {
    const logs = traces.files.filter(({ path }) => path.endsWith('.log'))
    expect(logs.filter(({ mode }) => (mode & 0o077) !== 0)).toEqual([])
    const temporary = traces.files.filter(({ path }) => path.startsWith(join(world.dir, 'tmp')))
    expect(temporary.map(({ path }) => path)).toEqual([])
  })

  test('no crash of the plugin or the command would leave a core dump', () => {
    const { coreLimits } = traces.watcher
    expect([...coreLimits.keys()].sort()).toEqual([
      'dist/bin/xscontainer',
      'dist/bin/xscontainer-monitor',
      'plugins/xscontainer',
    ])
    for (const [program, limit] of coreLimits)
      if (!program.endsWith('monitor')) expect([program, limit]).toEqual([program, '0'])
  })
})
