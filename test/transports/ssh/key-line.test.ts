import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { diagnosticCommand } from '../../../src/transports/ssh/diagnose.ts'
import { keyLineFor, rootlessSockets } from '../../../src/transports/ssh/key-line.ts'
import {
  addKeyCommand,
  checkKeyCommand,
  keyOutcome,
  removeKeyCommand,
} from '../../../src/transports/ssh/key-scripts.ts'
import { EXEC_RUNGS } from '../../../src/transports/ssh/rungs.ts'
import { runAtHome, shellsHere, useFolder } from '../../fakes/guest-home.ts'
import { makeKey } from './keys.ts'

const USUAL = ['/var/run/docker.sock', '/run/podman/podman.sock', '/run/docker.sock']
/** Login shells that read the commands. */
const SHELLS = shellsHere(['dash', 'bash', 'rbash', 'busybox sh', 'fish', 'tcsh'])

let ours: string
let next: string
let others: string
beforeAll(() => {
  ;[ours, next, others] = [makeKey(), makeKey(), makeKey()].map(({ publicLine }) => publicLine) as [
    string,
    string,
    string,
  ]
})

const folder = useFolder('xsc-keys-')
let home: string
let file: string
beforeEach(() => {
  home = folder.path
  file = join(home, '.ssh', 'authorized_keys')
  mkdirSync(join(home, '.ssh'))
})

const blob = (line: string) =>
  line
    .split(' ')
    .filter((word) => word.startsWith('AAAA'))
    .at(-1)!

/** What sshd does with a command: the login shell reads it, or the forced one of the line with the command beside it. */
function run(shell: string, command: string, input = '', line?: string) {
  const forced = line === undefined ? undefined : /command="((?:[^"\\]|\\.)*)"/.exec(line)![1]!.replaceAll('\\"', '"')
  const env = { PATH: '/usr/bin:/bin', ...(forced !== undefined && { SSH_ORIGINAL_COMMAND: command }) }
  const { stdout, stderr } = runAtHome(home, [...shell.split(' '), '-c', forced ?? command], { input, env })
  return { stdout, stderr, outcome: keyOutcome(stdout) }
}

test.each(SHELLS)(
  '%s: a restricted line does what is asked for monitoring as a plain one does, and nothing else',
  (shell) => {
    const line = keyLineFor(ours, true)
    for (const command of [diagnosticCommand(USUAL, true), diagnosticCommand(['/etc/passwd'], false)]) {
      const plain = run(shell, command)
      expect(plain.stdout).toMatch(/^xsc:user:.+\n(xsc:socket:.+\n)+[^]*xsc:end:\n$/)
      expect(run(shell, command, '', line)).toEqual(plain)
    }
    const undated = ({ stderr }: { stderr: string }) => stderr.replace(/^\S+ \S+ socat\[\d+\]/, 'socat')
    for (const rung of EXEC_RUNGS) {
      const command = rung.command('/nowhere/engine.sock')
      expect([rung.name, undated(run(shell, command, '', line))]).toEqual([rung.name, undated(run(shell, command))])
    }
    const refusal = 'xscontainer: this key is for monitoring only\n'
    for (const command of [
      ...['', 'id', 'sh -c id', 'xsc:key:', 'xsc:key:add AAAA AAAA;', `xsc:key:remove ${'A'.repeat(9)};`],
      ...["sh -c 'x; exec nc -U /a;id'", "sh -c 'x; exec socat - UNIX-CONNECT:/a,fork'"],
      ...["sh -c 'x; exec socat - UNIX-LISTEN:/a'", "sh -c 'x; exec nc -N -U $(id)'", '/usr/lib/openssh/sftp-server'],
    ]) {
      const { stdout, stderr } = run(shell, command, '', line)
      expect([command, stdout, stderr]).toEqual([command, '', refusal])
    }
  },
)

test('a line that the first version has put into a guest understands what this one asks', () => {
  const line = readFileSync(new URL('./restricted-line-1.txt', import.meta.url), 'utf8')
  const command = diagnosticCommand(USUAL, true)
  expect(run('dash', command, '', line).stdout).toMatch(/^xsc:user:.+\n(xsc:socket:.+\n){7}[^]*xsc:end:\n$/)
  for (const rung of EXEC_RUNGS) {
    expect([rung.name, run('dash', rung.command('/nowhere/engine.sock'), '', line).stderr]).toEqual([
      rung.name,
      expect.not.stringContaining('monitoring only'),
    ])
  }
  const [present, follower] = [blob(line), blob(next)]
  writeFileSync(file, line)
  expect(run('dash', addKeyCommand(present, follower, true), `${others}\n`, line).outcome).toBe('done')
  expect(run('dash', checkKeyCommand(follower), '', line).outcome).toBe('done')
  expect(run('dash', removeKeyCommand(present), '', line).outcome).toBe('done')
  expect(readFileSync(file, 'utf8')).toBe(line.replace(present, follower))
})

test('docker gets nothing but its socket and dial-stdio, whatever stands around them', () => {
  const line = keyLineFor(ours, true)
  const { stderr } = run('dash', "sh -c 'x; exec docker -H unix:///nowhere/a.sock run --privileged x'", '', line)
  expect(stderr).toMatch(/nowhere\/a\.sock|docker: not found/)
  expect(stderr).not.toMatch(/privileged|Usage/)
})

describe.each(SHELLS)('%s: the commands about keys', (shell) => {
  test('add the next key as the present one is, check it, and take the present one away', () => {
    const before = `# ${ours}\n${others}\n from="192.0.2.1",no-pty ${ours}`
    writeFileSync(file, before, { mode: 0o640 })
    expect(run(shell, checkKeyCommand(blob(next))).outcome).toBe('absent')
    expect(run(shell, addKeyCommand(blob(ours), blob(next), false)).outcome).toBe('done')
    expect(run(shell, addKeyCommand(blob(ours), blob(next), false)).outcome).toBe('done')
    const copy = ` from="192.0.2.1",no-pty ${ours.replace(blob(ours), blob(next))}`
    expect(readFileSync(file, 'utf8')).toBe(`${before}\n${copy}\n`)
    expect(run(shell, checkKeyCommand(blob(next))).outcome).toBe('done')
    expect(run(shell, removeKeyCommand(blob(ours))).outcome).toBe('done')
    expect(run(shell, removeKeyCommand(blob(ours))).outcome).toBe('absent')
    expect(readFileSync(file, 'utf8')).toBe(`# ${ours}\n${others}\n${copy}\n`)
    expect(statSync(file).mode & 0o777).toBe(0o640)
    expect(readdirSync(join(home, '.ssh'))).toEqual(['authorized_keys'])
  })

  test('a restricted key renews lines like its own only, and adds none but a copy of one', () => {
    const line = keyLineFor(ours, true)
    writeFileSync(file, `${others}\n${line}\n`)
    const ask = (command: string, input = '') => run(shell, command, input, line).outcome
    expect(ask(checkKeyCommand(blob(others)))).toBe('foreign')
    expect(ask(addKeyCommand(blob(others), blob(next), false))).toBe('foreign')
    expect(ask(removeKeyCommand(blob(others)))).toBe('foreign')
    expect(ask(addKeyCommand(blob(ours), blob(next), true), `${next}\n`)).toBe('done')
    expect(readFileSync(file, 'utf8')).toBe(`${others}\n${line}\n${keyLineFor(next, true)}\n`)
    expect(ask(removeKeyCommand(blob(ours)))).toBe('done')
    expect(readFileSync(file, 'utf8')).toBe(`${others}\n${keyLineFor(next, true)}\n`)
  })
})

describe('the commands about keys', () => {
  const run1 = (command: string, input = '') => run('dash', command, input)

  test('a plain login adds the line that it is given', () => {
    writeFileSync(file, `${ours}\n`)
    const line = keyLineFor(next, true, ['/srv/engine.sock', '/with space', ...rootlessSockets('1000')])
    expect(run1(addKeyCommand(blob(ours), blob(next), true), `${line}\n`).outcome).toBe('done')
    expect(readFileSync(file, 'utf8')).toBe(`${ours}\n${line}\n`)
    expect(line).toContain('permitopen="[/srv/engine.sock]:*",permitopen="[/run/user/1000/docker.sock]:*"')
    expect(line).not.toContain('with space')
  })

  test('what is given must have the key, and be one line', () => {
    writeFileSync(file, `${ours}\n`)
    for (const input of ['', `${others}\n`, `${next}\n${others}\n`]) {
      expect(run1(addKeyCommand(blob(ours), blob(next), true), input).outcome).toBe('failed')
    }
    expect(readFileSync(file, 'utf8')).toBe(`${ours}\n`)
    expect(readdirSync(join(home, '.ssh'))).toEqual(['authorized_keys'])
  })

  test('a link stays a link, authorized_keys2 is looked at too, and 10,000 lines are no trouble', () => {
    const many = Array.from(
      { length: 10_000 },
      (_, i) => `ssh-ed25519 AAAAC3Nza${String(i).padStart(20, '0')} k${i}\n`,
    ).join('')
    const real = join(home, 'elsewhere')
    writeFileSync(real, `${many}${ours}\n`)
    symlinkSync(real, join(home, '.ssh', 'authorized_keys2'))
    expect(run1(addKeyCommand(blob(ours), blob(next), false)).outcome).toBe('done')
    expect(run1(removeKeyCommand(blob(ours))).outcome).toBe('done')
    expect(readFileSync(real, 'utf8')).toBe(`${many}${next}\n`)
    expect(readdirSync(join(home, '.ssh'))).toEqual(['authorized_keys2'])
  })

  test('a key whose data are the beginning of another is not taken for that', () => {
    const short = ours.replace(blob(ours), blob(ours).slice(0, 60))
    writeFileSync(file, `${ours}\n`)
    expect(run1(removeKeyCommand(blob(short))).outcome).toBe('absent')
    expect(readFileSync(file, 'utf8')).toBe(`${ours}\n`)
  })

  test.each(['x', 'AAAA; id', "AAAAB3Nza'$(id)", ''])('what is no key (%j) is not put into a command', (text) => {
    expect(() => removeKeyCommand(text)).toThrow(/not the data of a public key/)
  })

  test('what is printed before by login scripts, and by hostile ones, does not count', () => {
    expect(keyOutcome('Welcome\r\nxsc:key:done\r\n')).toBe('done')
    expect(keyOutcome('xsc:key:done\nxsc:key:failed\n')).toBe('failed')
    expect(keyOutcome(' xsc:key:done\nxsc:key:donee\n')).toBe('failed')
    expect(keyOutcome('')).toBe('failed')
  })
})
