import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { delimiter, join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { RefusedError } from '../../src/base/errors.ts'
import { readEdit } from '../../src/provision/authorized-keys-answer.ts'
import {
  addKeyScript,
  keyLine,
  removeKeyScript,
  replaceKeyScript,
  type GuestScript,
} from '../../src/provision/authorized-keys.ts'
import { runAtHome, shellsHere, useFolder } from '../fakes/guest-home.ts'

/** A blob as long as that of a 4096-bit key. */
const blob = (seed: string) =>
  `AAAAB3NzaC1yc2EAAAADAQABAAACAQ${createHash('sha512').update(seed).digest('base64').slice(0, 80).repeat(8)}==`
const OURS = `ssh-rsa ${blob('ours')} xscontainer`
const NEXT = `ssh-rsa ${blob('next')} xscontainer`
const OTHERS = `# keys of the team\nssh-ed25519 ${blob('anna')} anna@home\n\nfrom="10.0.0.0/8" ssh-rsa ${blob('bert')} b'e"r\\t $(touch x)\n`

/** What guests have for sh; busybox is also what Alpine has. */
const SHELLS = shellsHere(['sh', 'bash --posix', 'busybox sh'])
const folder = useFolder("xsc-home with 'quotes-")

let home: string
let keys: string
beforeEach(() => {
  home = folder.path
  keys = join(home, '.ssh', 'authorized_keys')
})

function given(text: string | Buffer, mode = 0o600): void {
  mkdirSync(join(home, '.ssh'), { mode: 0o700 })
  writeFileSync(keys, text, { mode })
}

function runIn(shell: string | readonly string[], { input }: GuestScript, path = process.env['PATH']!) {
  const words = typeof shell === 'string' ? shell.split(' ') : shell
  return runAtHome(home, [...words, '-s'], { input, env: { PATH: path } })
}

function edit(script: GuestScript, shell: string | readonly string[] = 'sh', path?: string) {
  return readEdit(runIn(shell, script, path), { username: 'core', address: '10.0.0.1' })
}

const text = () => readFileSync(keys, 'utf8')
const mode = (path: string) => statSync(path).mode & 0o777
/** Only what is meant to be there: no half-written copy. */
const files = () => readdirSync(join(home, '.ssh'))

describe.each(SHELLS)('with %s', (shell) => {
  test('a home without .ssh gets the folder and the file with the right modes', () => {
    const report = edit(addKeyScript(OURS), shell)
    expect(report).toMatchObject({ added: true, removed: false, path: keys })
    expect(report.notes).toHaveLength(2)
    expect(text()).toBe(`${OURS}\n`)
    expect([mode(join(home, '.ssh')), mode(keys)]).toEqual([0o700, 0o600])
  })

  test('other lines stay as they are, byte for byte', () => {
    given(OTHERS)
    edit(addKeyScript(OURS), shell)
    expect(text()).toBe(`${OTHERS}${OURS}\n`)
    expect(edit(addKeyScript(OURS), shell)).toMatchObject({ added: false })
    expect(text()).toBe(`${OTHERS}${OURS}\n`)
    expect(edit(removeKeyScript(OURS), shell)).toMatchObject({ removed: true })
    expect(text()).toBe(OTHERS)
    expect(edit(removeKeyScript(OURS), shell)).toMatchObject({ removed: false })
    expect(files()).toEqual(['authorized_keys'])
  })

  test('a last line without its end is not swallowed, and comes back as a line', () => {
    given(OTHERS.trimEnd())
    expect(edit(addKeyScript(OURS), shell).notes.join()).toContain('had no end')
    expect(text()).toBe(`${OTHERS}${OURS}\n`)
  })

  test('10,000 lines', () => {
    const many = Array.from(
      { length: 10_000 },
      (_, i) => `ssh-ed25519 ${blob(String(i)).slice(0, 68)} user-${i}\n`,
    ).join('')
    given(many)
    edit(addKeyScript(OURS), shell)
    expect(text()).toBe(`${many}${OURS}\n`)
    edit(removeKeyScript(OURS), shell)
    expect(text()).toBe(many)
  })

  test('a key is replaced in one step, its options too, and a comment with its blob stays', () => {
    const comment = `# retired: ${OURS}\n`
    given(`${comment}restrict,command="x y" ${OURS}\n${OTHERS}`)
    expect(edit(replaceKeyScript(OURS, NEXT), shell)).toMatchObject({ added: true, removed: true })
    expect(text()).toBe(`${comment}${OTHERS}${NEXT}\n`)
    edit(replaceKeyScript(NEXT, `restrict ${NEXT}`), shell)
    expect(text()).toBe(`${comment}${OTHERS}restrict ${NEXT}\n`)
    edit(removeKeyScript(NEXT), shell)
    expect(text()).toBe(`${comment}${OTHERS}`)
  })

  test('a key that is only in a comment is added', () => {
    given(`  # ${OURS}\n`)
    expect(edit(addKeyScript(OURS), shell)).toMatchObject({ added: true })
  })

  test('links are followed, and stay links', () => {
    mkdirSync(join(home, '.ssh'))
    mkdirSync(join(home, 'real'))
    symlinkSync('../real/second', keys)
    symlinkSync(join(home, 'real', 'keys'), join(home, 'real', 'second'))
    writeFileSync(join(home, 'real', 'keys'), OTHERS)
    expect(edit(addKeyScript(OURS), shell).notes.join()).toContain('is a link')
    expect(lstatSync(keys).isSymbolicLink()).toBe(true)
    expect(lstatSync(join(home, 'real', 'second')).isSymbolicLink()).toBe(true)
    expect(text()).toBe(`${OTHERS}${OURS}\n`)
    edit(removeKeyScript(OURS), shell)
    expect(text()).toBe(OTHERS)
  })

  test('a link to a file that is not there yet makes that file', () => {
    mkdirSync(join(home, '.ssh'))
    symlinkSync('keys', keys)
    edit(addKeyScript(OURS), shell)
    expect(readFileSync(join(home, '.ssh', 'keys'), 'utf8')).toBe(`${OURS}\n`)
    expect(lstatSync(keys).isSymbolicLink()).toBe(true)
  })

  test('modes with which sshd ignores the key are put right, and that is said; others stay', () => {
    given(OTHERS, 0o664)
    chmodSync(keys, 0o664)
    chmodSync(join(home, '.ssh'), 0o775)
    chmodSync(home, 0o777)
    const { notes } = edit(addKeyScript(OURS), shell)
    expect(notes.filter((note) => note.includes('no longer'))).toHaveLength(3)
    expect([mode(keys), mode(join(home, '.ssh')), mode(home)]).toEqual([0o644, 0o755, 0o755])
  })

  test('a script that breaks off on its way changes nothing', () => {
    given(OTHERS)
    const { command, input } = addKeyScript(OURS)
    const end = input.lastIndexOf('}')
    for (const part of [0.1, 0.5, 0.9, 1]) {
      const result = runIn(shell, { command, input: input.slice(0, Math.floor(end * part)) })
      expect(result.stdout).toBe('')
      expect(text()).toBe(OTHERS)
    }
  })

  test('a disk that is full: the file stays as it was, and nothing is left beside it', () => {
    const many = OTHERS.repeat(100)
    given(many)
    const limited = ['sh', '-c', `ulimit -f 8; trap '' XFSZ; exec ${shell} -s`, 'sh']
    expect(() => edit(addKeyScript(OURS), limited)).toThrow(
      /User core cannot write .*authorized_keys in the guest at 10\.0\.0\.1 \(.+\).*df/,
    )
    expect(() => edit(removeKeyScript(`ssh-ed25519 ${blob('anna')}`), limited)).toThrow(RefusedError)
    expect(text()).toBe(many)
    expect(files()).toEqual(['authorized_keys'])
  })
})

// Not with busybox: its sh takes its own ls.
test('with SELinux the label is put right, by chcon where restorecon does not do it', () => {
  const bin = join(home, 'bin')
  mkdirSync(bin)
  const fake = (name: string, script: string) =>
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  fake(
    'ls',
    'if [ "$1" = -dZ ]; then for p; do :; done; t=user_home_t; [ ! -e "$p.label" ] || t=$(cat "$p.label"); echo "u:object_r:$t:s0 $p"; else exec /bin/ls "$@"; fi',
  )
  fake('restorecon', 'case $1 in */authorized_keys) exit 1;; esac; echo ssh_home_t >"$1.label"')
  fake('chcon', 'case $1 in -t) echo "$2" >"$3.label";; esac')
  const { notes } = edit(addKeyScript(OURS), 'sh', `${bin}${delimiter}${process.env['PATH']!}`)
  expect(notes.filter((note) => /SELinux label of .* was put right/.test(note))).toHaveLength(2)
  fake('chcon', 'exit 1')
  rmSync(`${keys}.label`)
  const again = edit(addKeyScript(OURS), 'sh', `${bin}${delimiter}${process.env['PATH']!}`)
  expect(again.notes.join()).toMatch(/SELinux label of .*authorized_keys is wrong.*restorecon -R -v/)
})
test.each<[string, () => void, RegExp]>([
  ['a folder in its place', () => mkdirSync(keys, { recursive: true }), /authorized_keys is not a file/],
  [
    'a link to itself',
    () => {
      mkdirSync(join(home, '.ssh'))
      symlinkSync('authorized_keys', keys)
    },
    /is a link that leads nowhere/,
  ],
  [
    'a link into a folder that is not there',
    () => {
      mkdirSync(join(home, '.ssh'))
      symlinkSync('/nowhere/keys', keys)
    },
    /\/nowhere\/keys is a link that leads nowhere/,
  ],
  ['a file where .ssh should be', () => writeFileSync(join(home, '.ssh'), ''), /cannot write .*\.ssh/],
  ['no home', () => rmSync(home, { recursive: true }), /has no home directory: .* is not there/],
])('%s is named', (_what, make, expected) => {
  make()
  expect(() => edit(addKeyScript(OURS))).toThrow(expected)
})

test('removing where there is nothing makes nothing', () => {
  expect(edit(removeKeyScript(OURS))).toMatchObject({ added: false, removed: false, notes: [] })
  expect(existsSync(join(home, '.ssh'))).toBe(false)
})

test('bytes that are no text stay as they are', () => {
  const odd = Buffer.concat([Buffer.from([0xff, 0xfe, 13, 10, 0x80, 10]), Buffer.from(OTHERS.replaceAll('\n', '\r\n'))])
  given(odd)
  edit(addKeyScript(OURS))
  expect(readFileSync(keys).equals(Buffer.concat([odd, Buffer.from(`${OURS}\n`)]))).toBe(true)
})

test('an answer without its end is no success, and what came instead is told', () => {
  const whose = { username: 'core', address: '10.0.0.1' }
  const result = (stdout: string, exitCode = 1, stderr = '') => ({ stdout, stderr, exitCode })
  expect(() => readEdit(result('xsc:did:added:/x\n', 0), whose)).toThrow(/runs no commands/)
  expect(() => readEdit(result('This account is currently not available.\n'), whose)).toThrow(
    /runs no commands \(sh -s ended with 1; it says: This account is currently not available\.\).*--print/,
  )
  expect(() => readEdit(result(''), whose)).toThrow(RefusedError)
})

test.each([
  ['nothing', ''],
  ['no blob', 'ssh-rsa'],
  ['two lines', `ssh-rsa ${blob('x')}\nssh-rsa ${blob('y')}`],
  ['other characters', `ssh-rsa ${blob('x')} caf\u00e9`],
  ['too long', `ssh-rsa ${blob('x')} ${'x'.repeat(20_000)}`],
  ['a private key', '-----BEGIN RSA PRIVATE KEY-----'],
])('no line to install: %s', (_what, line) => {
  expect(() => addKeyScript(line)).toThrow(RefusedError)
  expect(() => keyLine(line)).toThrow(/one line of type, base64 and comment/)
})
