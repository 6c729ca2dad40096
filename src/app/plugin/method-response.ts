import { cleanXmlText } from '../../base/text.ts'
import type { Outcome } from './outcome.ts'

const NAMED: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }

/** The one document that a plugin prints: XML-RPC with XAPI's Status struct. ASCII only. */
export function methodResponse(outcome: Outcome): string {
  const members =
    'value' in outcome
      ? member('Status', string('Success')) + member('Value', string(outcome.value))
      : member('Status', string('Failure')) + member('ErrorDescription', array(outcome.failure))
  const body = `<value><struct>${members}</struct></value>`
  return `<?xml version='1.0'?>\n<methodResponse><params><param>${body}</param></params></methodResponse>\n`
}

function member(name: string, value: string): string {
  return `<member><name>${name}</name>${value}</member>`
}

function array(texts: readonly string[]): string {
  return `<value><array><data>${texts.map(string).join('')}</data></array></value>`
}

/** Other characters than ASCII's by their number: whoever passes this on cannot take them for another encoding. */
function string(text: string): string {
  const escaped = cleanXmlText(text).replace(
    /[&<>\u0080-\u{10FFFF}]/gu,
    (character) => NAMED[character] ?? `&#${character.codePointAt(0)!};`,
  )
  return `<value><string>${escaped}</string></value>`
}
