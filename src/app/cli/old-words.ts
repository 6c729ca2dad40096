import { parseArgs } from 'node:util'
import { VERBS } from './verbs.ts'

/**
 * What was said to xscontainer-prepare-vm, in the words of `xscontainer prepare-vm`: there the VM is an option, `-v` or
 * `--vmuuid`. Whatever else is wrong with the words is for the command to say.
 */
export function fromOldWords(words: readonly string[]): string[] {
  const options = { ...VERBS['prepare-vm']?.options, vmuuid: { type: 'string', short: 'v' } } as const
  const { tokens } = parseArgs({ args: [...words], options, strict: false, allowPositionals: true, tokens: true })
  const vms: string[] = []
  const rest: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') vms.push(token.value)
    if (token.kind !== 'option') continue
    const { name, rawName, value } = token
    if (name === 'vmuuid') vms.push(value ?? '')
    else rest.push(value === undefined ? rawName : `--${name}=${value}`)
  }
  return ['prepare-vm', ...rest, '--', ...vms]
}
