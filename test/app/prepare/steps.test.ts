import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { printLine } from '../../../src/app/prepare/print-line.ts'
import { Steps } from '../../../src/app/prepare/steps.ts'
import { isUserName } from '../../../src/app/prepare/target-of.ts'
import { StoppedError } from '../../../src/base/errors.ts'
import { runAtHome, shellsHere, useFolder } from '../../fakes/guest-home.ts'
import { POOL_PUBLIC_LINE } from '../../scenarios/world.ts'

function steps() {
  let out = ''
  return { steps: new Steps((text) => (out += text)), out: () => out }
}

test('a step is one line, with what was found below it', async () => {
  const { steps: taken, out } = steps()
  expect(
    await taken.step('look', (note) => {
      note('at\u001B[2J this')
      return Promise.resolve(7)
    }),
  ).toBe(7)
  await expect(taken.step('try', () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  await expect(taken.step('wait', () => Promise.reject(new StoppedError()))).rejects.toThrow()
  taken.skip('rest', 'left out')
  expect(out()).toBe('look .. done\n  at\uFFFD[2J this\ntry .. failed\nwait .. stopped\nrest .. left out\n')
})

test('a question or a remark in between does not tear the line', async () => {
  const { steps: taken, out } = steps()
  await taken.step('log in', () => {
    taken.interrupt()
    taken.say('again')
    return Promise.resolve()
  })
  expect(out()).toBe('log in .. \nagain\nlog in .. done\n')
})

test('changes: as they may be, as they are, or none', () => {
  const { steps: taken } = steps()
  const [first, second, third] = ['a', 'b', 'c'].map((name) => taken.change(`${name} may be`))
  first!('a is')
  second!(undefined)
  expect(taken.changes).toEqual(['a is', 'c may be'])
  third!('c is')
  expect(taken.changes).toEqual(['a is', 'c is'])
})

const folder = useFolder('xsc home ')

test.each(shellsHere(['sh', 'bash', 'busybox sh', 'fish', 'tcsh']))('the line to paste, in %s', (shell) => {
  const home = folder.path
  const line = printLine(POOL_PUBLIC_LINE)
  expect(line).not.toMatch(/\n|PRIVATE/)
  const paste = () => runAtHome(home, [...shell.split(' '), '-c', line])
  const keys = join(home, '.ssh', 'authorized_keys')
  expect(paste()).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('the key is in') as string })
  expect(readFileSync(keys, 'utf8')).toBe(`${POOL_PUBLIC_LINE}\n`)
  mkdirSync(join(home, '.ssh'), { recursive: true })
  writeFileSync(keys, `# ${POOL_PUBLIC_LINE}`)
  expect([paste().exitCode, paste().exitCode]).toEqual([0, 0])
  expect(readFileSync(keys, 'utf8')).toBe(`# ${POOL_PUBLIC_LINE}\n${POOL_PUBLIC_LINE}\n`)
})

test.each([
  ['core', true],
  ['svc-user_1', true],
  ['DOMAIN\\user', true],
  ['jürgen', true],
  ['', false],
  ['-rf', false],
  ['a b', false],
  ['a\nb', false],
  ['a:b', false],
  ['x'.repeat(257), false],
])('%j as the name of a user: %s', (name, expected) => {
  expect(isUserName(name)).toBe(expected)
})
