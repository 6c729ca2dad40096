import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import type { GuestScript } from '../../src/provision/authorized-keys.ts'
import { engineAccessScript, readEngineAccess, sudoCommand } from '../../src/provision/engine-access.ts'
import { keyCheckScript, readKeyCheck } from '../../src/provision/key-check.ts'
import { runAtHome, useFolder } from '../fakes/guest-home.ts'

const folder = useFolder('xsc-answers-')
let home: string
beforeEach(() => (home = folder.path))

const result = (stdout: string) => ({ stdout, stderr: '', exitCode: 0 })
function run({ command, input }: GuestScript) {
  return result(runAtHome(home, ['sh', '-c', command], { input }).stdout)
}

describe('why sshd does not take a key that is there', () => {
  const PATH = '/home/core/.ssh/authorized_keys'

  test.each([
    ['xsc:looks:/etc/ssh/keys/%u\n', /elsewhere \(AuthorizedKeysFile \/etc\/ssh\/keys\/%u\)/, /xscontainer key show/],
    [
      'xsc:looks:.ssh/authorized_keys .ssh/authorized_keys2\nxsc:open:/home\n',
      /others can write to \/home,/,
      /chmod go-w \/home/,
    ],
    ['xsc:label:u:object_r:default_t:s0 /x\n', /SELinux keeps sshd/, /restorecon -R -v \/home\/core\/\.ssh$/],
    ['xsc:label:u:object_r:ssh_home_t:s0 /x\n', /nothing in its file/, /journalctl/],
    ['', /nothing in its file/, /AuthorizedKeysCommand/],
  ])('%j', (answer, why, cure) => {
    const finding = readKeyCheck(result(answer), PATH)
    expect(finding.why).toMatch(why)
    expect(finding.cure).toMatch(cure)
  })

  test('the script finds a folder that others may write to, up to the home directory', () => {
    const folder = join(home, 'a', '.ssh')
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'authorized_keys'), '')
    chmodSync(join(home, 'a'), 0o777)
    const answer = run(keyCheckScript(join(folder, 'authorized_keys')))
    expect(answer.stdout).toMatch(/xsc:end:\n$/)
    expect(answer.stdout.match(/xsc:open:.*/g)).toEqual([`xsc:open:${join(home, 'a')}`])
  })

  test('what a guest answers cannot steer a terminal, nor fill it', () => {
    const { why } = readKeyCheck(result(`xsc:looks:\u001B[2J${'x'.repeat(10_000)}\n`), PATH)
    expect(why.length).toBeLessThan(400)
    expect(why).not.toContain('\u001B')
  })
})

describe('who may use the engine', () => {
  test('nothing but the commands that are meant is ever run as root', () => {
    const command = (text: string) => readEngineAccess(result(`xsc:command:${text}\n`)).command
    expect(command('usermod -aG docker core')).toBe('usermod -aG docker core')
    expect(command('addgroup core docker')).toBe('addgroup core docker')
    for (const other of [
      'usermod -aG docker core; reboot',
      'usermod -aG docker $(reboot)',
      'usermod -aG -p core',
      'rm -rf /',
      'addgroup core docker\u0085reboot',
      'usermod -aG docker',
    ]) {
      expect(command(other)).toBeUndefined()
    }
  })

  test('the password goes by standard input', () => {
    const { command, input } = sudoCommand('usermod -aG docker core', "pass'word")
    expect(command).not.toContain('pass')
    expect(input).toBe("pass'word\n")
    expect(sudoCommand('usermod -aG docker core', undefined)).toEqual({
      command: 'sudo -n usermod -aG docker core',
      input: '',
    })
  })

  test('a socket that the user may use needs no command', async () => {
    const path = join(home, 'docker.sock')
    const server = createServer().listen(path)
    await once(server, 'listening')
    const access = readEngineAccess(run(engineAccessScript(path)))
    server.close()
    expect(access.socketPath).toBeUndefined()
    expect(access.command).toBeUndefined()
    expect(['free', 'password', 'none']).toContain(access.sudo)
  })
})
