import { expect, test } from 'vitest'
import { parseCommandLine } from '../../../src/app/cli/command-line.ts'
import { fromOldWords } from '../../../src/app/cli/old-words.ts'
import { verbNamed } from '../../../src/app/cli/verbs.ts'

const UUID = '780a2c14-e63c-4f13-804d-19df1d1072e9'

test.each<[string[], Record<string, unknown>]>([
  [['-v', UUID, '-u', 'core'], { username: 'core' }],
  [['--username=a b', '--vmuuid', UUID], { username: 'a b' }],
  [
    [`--vmuuid=${UUID}`, '--mode', 'tls', '--client-cert', '-c', '--ca-cert=a=b'],
    { mode: 'tls', 'client-cert': '-c', 'ca-cert': 'a=b' },
  ],
  [['--generate-certs', `-v${UUID}`, '--yes'], { 'generate-certs': true, yes: true }],
])('%j', (words, options) => {
  const line = parseCommandLine(fromOldWords(words), verbNamed)
  expect(line).toEqual({ verb: 'prepare-vm', args: [UUID], command: [], options: { ...options } })
})

test.each([[['-v']], [['--nosuch', '-v', UUID]], [['--username']], [['-v', UUID, '-v', UUID]]])(
  '%j is for the command to refuse',
  (words) => {
    const line = () => {
      const { args } = parseCommandLine(fromOldWords(words), verbNamed)
      if (args.length !== 1 || args[0] === '') throw new Error('not one VM')
    }
    expect(line).toThrow()
  },
)

test('--help is asked of the command', () => {
  expect(parseCommandLine(fromOldWords(['--help']), verbNamed).options).toEqual({ help: true })
})
