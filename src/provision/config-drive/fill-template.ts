import { RefusedError } from '../../base/errors.ts'
import { hostNameOf } from './host-name.ts'
import { fill, type Token } from './placeholders.ts'
import { kindOf, type TemplateKind } from './template-kind.ts'

/** What takes the placeholders' place. */
export interface TemplateFacts {
  /** VM.name_label; it is reduced to what a host name can hold. */
  readonly vmName: string
  /** The middle part of the pool's public key line. */
  readonly publicKeyBase64: string
  /** VIF device number on the host-internal management network; undefined: the VM is not on it. */
  readonly hostInternalDevice: string | undefined
}

export interface FilledTemplate {
  /** What the guest is to read. */
  readonly userData: string
  /** Whether the pool's key gets into the guest: the key's placeholder stands outside of comments. */
  readonly keyLineActive: boolean
}

/**
 * The template with its placeholders filled in, old and new spelling, from its first line that is not empty on. JSON
 * stays valid, and scripts get the line ends they need. `checkTemplate` says whether a guest could read it. Throws
 * RefusedError for a fact that cannot stand in one line.
 */
export function fillTemplate(text: string, facts: TemplateFacts): FilledTemplate {
  const kind = kindOf(text)
  const escaped = (value: string) => (kind?.format === 'json' ? JSON.stringify(value).slice(1, -1) : value)
  const { text: filled, used } = fill(text, kind?.body ?? 0, {
    hostName: hostNameOf(facts.vmName),
    key: escaped(oneWord(facts.publicKeyBase64, 'public key')),
    device: facts.hostInternalDevice === undefined ? undefined : escaped(oneWord(facts.hostInternalDevice, 'device')),
  })
  const isKey = (token: Token) => token.mark === 'CONTAINERRSAPUB' && !isCommented(text, token, kind)
  return { userData: forGuest(filled, text, kind), keyLineActive: used.some(isKey) }
}

/** `#ignition` is a mark for us; Ignition itself wants JSON and nothing else, so its line stays empty. */
function forGuest(filled: string, template: string, kind: TemplateKind | undefined): string {
  if (kind?.format === 'script') return filled.replaceAll('\r\n', '\n')
  const head = template.slice(kind?.start, kind?.body)
  return head === '' ? filled : `\n${filled}`
}

/** Comments begin with #, at the begin of a line or after a space; JSON has none. */
function isCommented(template: string, { start }: Token, kind: TemplateKind | undefined): boolean {
  const line = template.slice(template.lastIndexOf('\n', start) + 1, start)
  return kind?.format !== 'json' && /(?:^|\s)#/.test(line)
}

function oneWord(value: string, what: string): string {
  if (/^[\x21-\x7E]*$/.test(value)) return value
  throw new RefusedError({
    kind: 'config-drive-fact',
    cause: `The ${what} for the config drive has characters that cannot be in one`,
    cure: 'Check the public key of the pool, xscontainer key show prints it',
  })
}
