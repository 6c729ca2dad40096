import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pluginArgument, pluginResult } from '../sim/xapi/plugin-protocol.ts'
import { XapiError } from '../sim/xapi/xapi-error.ts'
import { callHost, installPlugin, PLUGIN, runPlugin } from './plugin-clients.ts'
import { World, type WorldGuest } from './world.ts'

let world: World
let guest: WorldGuest
beforeAll(async () => {
  world = await World.start({ hosts: 2, settings: { monitor: { top_schedule: 'off' } } })
  installPlugin(world)
  await world.startDaemon()
  const containers = [
    { name: 'web', id: `${'ab'.repeat(31)}01` },
    { name: 'db', id: `${'ab'.repeat(31)}02` },
    { name: 'odd', state: 'exited' as const },
  ]
  guest = await world.addGuest({ engine: { containers } })
  await world.untilMonitored(guest)
})
afterAll(() => world.stop())

const env = () => world.pool.hosts[0]!.pluginEnv
const call = (fn: string, args: Readonly<Record<string, string>>) => callHost(world, world.pool.hosts[0]!, fn, args)

/** The one failure in what was printed. */
function failure(printed: string): readonly string[] {
  expect(printed.match(/<methodResponse>/g)).toHaveLength(1)
  expect(printed).toMatch(/<\/methodResponse>\n$/)
  try {
    pluginResult(Buffer.from(printed))
  } catch (error) {
    if (error instanceof XapiError) return error.description
  }
  throw new Error(`no failure: ${printed}`)
}

describe('whatever the process is started with, it prints one failure and ends with 0', () => {
  const session = 'OpaqueRef:6a9b6b8c-0000-4000-8000-00000000abcd'
  test.each<[string, string[]]>([
    ['no argument', []],
    ['an empty argument', ['']],
    ['no XML', ['start']],
    ['broken XML', [pluginArgument('start', session, [['vmuuid', 'x']]).slice(0, -20)]],
    ['two documents', [pluginArgument('start', session, []).repeat(2)]],
    ['other XML', ['<methodResponse/>']],
    ['invalid UTF-8', ['<methodCall>\ud800']],
  ])('%s', async (_, argv) => {
    const { code, out, err } = await runPlugin(argv, env())
    expect(failure(out)).toEqual([
      'XENAPI_PLUGIN_FAILURE',
      expect.any(String),
      'RefusedError',
      expect.stringMatching(/.+\. .+/),
    ])
    expect([code, err]).toEqual([0, ''])
    expect(out).not.toContain(session)
  })

  test('an unknown function', async () => {
    const { code, out, err } = await runPlugin([pluginArgument('frobnicate <x>', session, [])], env())
    expect(failure(out)).toEqual(['UNKNOWN_XENAPI_PLUGIN_FUNCTION', 'frobnicate <x>'])
    expect([code, err]).toEqual([0, ''])
  })

  test('a configuration that is not there, or wrong', async () => {
    const argument = pluginArgument('start', session, [['vmuuid', guest.uuid]])
    const { out } = await runPlugin([argument], { XSCONTAINER_CONFIG: '/no/such/file.toml' })
    expect(failure(out)).toEqual([
      'XENAPI_PLUGIN_FAILURE',
      'start',
      'RefusedError',
      expect.stringContaining('/no/such/file.toml'),
    ])
  })
})

describe('arguments', () => {
  test.each([
    ['start', {}, /vmuuid/],
    ['start', { container: 'web' }, /vmuuid/],
    ['start', { vmuuid: '', container: 'web' }, /vmuuid/],
    ['start', { vmuuid: 'GUEST' }, /container/],
    ['start', { vmuuid: 'GUEST', container: '' }, /container/],
    ['get_top', { vmuuid: 'GUEST', container: 'web' }, /object/],
    ['get_inspect', { vmuuid: 'GUEST', object: '' }, /object/],
    ['register', { container: '' }, /vmuuid/],
    ['start', { vmuuid: 'no-uuid', container: 'web' }, /no-uuid/],
  ])('%s with %j: says which is missing or wrong', async (fn, args: Record<string, string>, named) => {
    const given = Object.fromEntries(Object.entries(args).map(([k, v]) => [k, v === 'GUEST' ? guest.uuid : v]))
    const failed = await call(fn, given).catch((error: Error) => error.message)
    const [code, ...params] = failed.split('|')
    expect([code, ...params.slice(0, 2)]).toEqual(['XENAPI_PLUGIN_FAILURE', fn, 'RefusedError'])
    expect(params[2]).toMatch(/.+\. .+/)
    expect(params[2]).toMatch(named)
  })

  test('as many as XAPI can pass: those that are not needed do no harm', async () => {
    const args = { vmuuid: guest.uuid, container: 'web', more: 'x"<'.repeat(10_000) }
    expect(await call('start', args)).toBe('True')
    await expect(call('start', { vmuuid: guest.uuid, container: '"'.repeat(20_000) })).rejects.toThrow(
      /^XENAPI_PLUGIN_FAILURE\|start\|RefusedError\|/,
    )
    const { code, out } = await runPlugin([`<methodCall>${'x'.repeat(130_000)}`], env())
    expect(failure(out)[0]).toBe('XENAPI_PLUGIN_FAILURE')
    expect(code).toBe(0)
  })

  test.each(['../../version', 'a b', 'web\n', '..', 'web?all=1', 'web/json', '%2e%2e', 'x'.repeat(300), '-x'])(
    'the container %j does not reach the engine',
    async (container) => {
      const before = guest.engine.requestCount(/^(POST|GET) \/containers\/(?!json)|\/version/)
      for (const fn of ['start', 'get_inspect', 'get_top']) {
        await expect(call(fn, { vmuuid: guest.uuid, container, object: container })).rejects.toThrow(
          new RegExp(`^XENAPI_PLUGIN_FAILURE\\|${fn}\\|RefusedError\\|`),
        )
      }
      expect(guest.engine.requestCount(/^(POST|GET) \/containers\/(?!json)|\/version/)).toBe(before)
    },
  )

  test.each([
    ['an unknown container', 'start', { container: 'nobody' }, /nobody/],
    ['an id prefix that fits two', 'start', { container: 'abab' }, /abab/],
    ['a container that is not running', 'pause', { container: 'odd' }, /not running/],
    ['a container that is not running', 'get_top', { object: 'odd' }, /not running/],
  ])('%s: %s fails with what the engine says', async (_, fn, args, text) => {
    const failed = await call(fn, { vmuuid: guest.uuid, ...args }).catch((error: Error) => error.message)
    expect(failed).toMatch(/^XENAPI_PLUGIN_FAILURE\|/)
    expect(failed).toMatch(text)
    expect(failed).toMatch(/\. .+/)
  })
})

describe('the reader of its output', () => {
  const argument = () =>
    pluginArgument('get_top', 'OpaqueRef:NULL', [
      ['vmuuid', guest.uuid],
      ['object', 'web'],
    ])

  test('goes away: exit code 0 and no word', async () => {
    const child = spawn(PLUGIN, [argument()], { env: { PATH: process.env['PATH'], ...env() } })
    child.stdout.destroy()
    let err = ''
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
    expect(await once(child, 'close')).toEqual([0, null])
    expect(err).toBe('')
  })

  test('was never there, or the disk is full: exit code 0', async () => {
    const full = openSync('/dev/full', 'w')
    const child = spawn(PLUGIN, [argument()], {
      env: { PATH: process.env['PATH'], ...env() },
      stdio: ['ignore', full, 'ignore'],
    })
    expect(await once(child, 'close')).toEqual([0, null])
    closeSync(full)
    const shell = spawn('/bin/sh', ['-c', '"$0" "$1" >&- 2>&-', PLUGIN, argument()], {
      env: { PATH: process.env['PATH'], ...env() },
    })
    expect(await once(shell, 'close')).toEqual([0, null])
  })
})

describe('the socket of the daemon', () => {
  test('is there, but nobody listens, or nobody greets: the call is done all the same', async () => {
    const second = world.pool.hosts[1]!
    const far = await world.addGuest({ host: second, engine: { containers: [{ name: 'web' }] } })
    const path = join(world.dir, `host-${second.index}.sock`)
    const args = { vmuuid: far.uuid, container: 'web' }

    // Left behind by a daemon that was killed.
    const left = spawn(process.execPath, [
      '-e',
      `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`,
    ])
    await once(left, 'close')
    expect(await callHost(world, second, 'pause', args)).toBe('True')
    expect(far.engine.store.find('web').live.state).toBe('paused')

    const mute = createServer()
    rmSync(path)
    await new Promise<void>((resolve) => mute.listen(path, resolve))
    expect(await callHost(world, second, 'unpause', args)).toBe('True')
    expect(far.engine.store.find('web').live.state).toBe('running')
    mute.close()
  })
})
