import { RefusedError } from '../../base/errors.ts'
import { jsonFault } from './json-fault.ts'
import { blocksOf, fill, tokensOf, type Values } from './placeholders.ts'
import { kindOf, type TemplateKind } from './template-kind.ts'
import { yamlFault } from './yaml-fault.ts'

/** Far more than any guest's configuration; a client's call carries 128 KiB at most, files given to the command more. */
export const MOST_TEMPLATE_BYTES = 1 << 20

/** What no text has, and XAPI would cut a value at: controls but tab and line ends, halves of surrogate pairs. */
const NOT_TEXT = /[\0-\x08\x0B\x0C\x0E-\x1F]|\p{Surrogate}/u

/** Values that are good anywhere: what else can be wrong is the template's fault. With the network, and without it. */
const HARMLESS: readonly Values[] = [
  { hostName: 'vm', key: 'AAAA', device: '0' },
  { hostName: 'vm', key: 'AAAA', device: undefined },
]

/**
 * Throws RefusedError, naming the line at fault, when a guest could not read this template: neither `#cloud-config`
 * nor Ignition's JSON nor another kind of cloud-init user data, too large, or not valid once its placeholders are filled.
 */
export function checkTemplate(text: string): void {
  checkText(text)
  const tokens = tokensOf(text)
  const stray = blocksOf(tokens).stray[0]
  if (stray !== undefined) {
    const cure = 'Write %HINEXISTS% before and %ENDHINEXISTS% after each part that needs the host-internal network'
    throw fault(text, stray.start, `${stray.text} stands without its counterpart`, cure)
  }
  const kind = kindOf(text)
  if (kind === undefined) throw unknownKind(text)
  if (kind.format === 'script' || kind.format === 'other') return
  const values = tokens.some(({ mark }) => mark.startsWith('HIN')) ? HARMLESS : HARMLESS.slice(0, 1)
  for (const each of values) checkFilled(text, kind, each)
}

function checkText(text: string): void {
  const bytes = Buffer.byteLength(text)
  if (bytes > MOST_TEMPLATE_BYTES) {
    throw new RefusedError({
      kind: 'template-size',
      cause: `The template has ${bytes} bytes, more than the ${MOST_TEMPLATE_BYTES} that a config drive takes`,
      cure: 'Shorten it, and let the guest fetch what is large from elsewhere',
    })
  }
  const odd = NOT_TEXT.exec(text)
  if (odd !== null) throw fault(text, odd.index, 'there is a character that no text has', 'Save it as plain UTF-8 text')
}

function checkFilled(template: string, kind: TemplateKind, values: Values): void {
  const { text, sourceOf } = fill(template, kind.body, values)
  const without = values.device === undefined ? ', on a VM without the host-internal network' : ''
  if (kind.format === 'json') {
    const found = text.trimStart().startsWith('{') ? jsonFault(text) : { at: 0, expected: '"{"' }
    if (found === undefined) return
    throw fault(template, sourceOf(found.at), `JSON wants ${found.expected} there${without}`, 'Correct that line')
  }
  const found = yamlFault(text, kind.format === 'archive' ? 'list' : 'map')
  if (found !== undefined) throw fault(template, sourceOf(found.at), `${found.what}${without}`, 'Correct that line')
}

function unknownKind(text: string): RefusedError {
  const start = /^[\uFEFF\s]*/.exec(text)?.[0].length ?? 0
  if (start === text.length) return fault(text, 0, 'the template is empty', 'Begin with #cloud-config')
  const cure = /^(?:variant|---|[\w-]+:)/.test(text.slice(start))
    ? 'Put #cloud-config above cloud-init YAML; what is written for Butane must be made Ignition JSON by it first'
    : 'Begin with #cloud-config, with { (Ignition), #!, #include or another first line that cloud-init knows'
  return fault(text, start, 'no guest would know what the template is by its first line', cure)
}

function fault(template: string, at: number, what: string, cure: string): RefusedError {
  const before = template.slice(0, at)
  const line = before.split('\n').length
  const start = before.lastIndexOf('\n') + 1
  const shown = (template.slice(start, start + 200).split(/\r?\n/, 1)[0] ?? '').trim()
  // The line may hold a password: only as much of it as tells which one it is.
  const begin = JSON.stringify(shown.length > 40 ? `${shown.slice(0, 37)}...` : shown)
  return new RefusedError({
    kind: 'template',
    cause: `The config drive template is at fault in line ${line}, ${begin}: ${what}`,
    cure,
  })
}
