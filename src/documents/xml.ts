import { cleanXmlText } from '../base/text.ts'

/** Deeper values are not written; nothing that an engine sends is deeper than 8. */
const MAX_DEPTH = 32
/** Xen Orchestra's parser fails a document with more than 1,000 references; from here on texts go into CDATA. */
const TEXT_REFERENCES = 200
/** A text with more than this goes into CDATA too: it is shorter so. */
const MOST_SHORT = 3
/** Attributes cannot use CDATA: from here on they lose the characters that would need a reference. */
const ALL_REFERENCES = 500
/** What an element name may be; all others, and those that begin with `xml`, are encoded. */
const ELEMENT_NAME = /^(?!xml)[a-z_][a-z0-9_.-]*$/i
const ENCODED_ELEMENT = 'SPECIAL_XS_ENCODED_ELEMENT'
/** Room for the element that tells how much was left out. */
const NOTE_BYTES = 64

/**
 * Writes one XML document of at most `budgetBytes` (UTF-8) from JSON values, whatever they hold: well-formed, with
 * at most 500 entity references, no deeper than 32 elements. Elements are asked for one by one, so that the caller
 * chooses what stays out; then `document` puts together those that are to be in it.
 */
export class XmlPage {
  readonly #root: string
  #room: number
  #references = 0

  constructor(root: string, budgetBytes: number) {
    this.#root = root
    this.#room = budgetBytes - Buffer.byteLength(root) * 2 - 5 - NOTE_BYTES
  }

  /** The element that encodes `value`, or undefined (and no room taken) when it does not fit any more. */
  element(name: string, value: unknown): string | undefined {
    const draft = new Draft(this.#room, this.#references)
    draft.element(name, value, 1)
    if (draft.room < 0) return undefined
    this.#room = draft.room
    this.#references = draft.references
    return draft.text()
  }

  /** Those of these finished elements, in their order, that fit together and have at most `eachBytes`; takes no room. */
  fitting(elements: readonly string[], eachBytes: number): string[] {
    let room = this.#room
    return elements.filter((element) => {
      const bytes = Buffer.byteLength(element)
      if (bytes > Math.min(room, eachBytes)) return false
      room -= bytes
      return true
    })
  }

  /** The document with these elements of it in this order, and a note of how many were `left` out, if any. */
  document(elements: readonly string[], left = 0): string {
    const note = left > 0 ? `<truncated>${left}</truncated>` : ''
    const inner = elements.join('') + note
    return inner === '' ? `<${this.#root}/>` : `<${this.#root}>${inner}</${this.#root}>`
  }
}

/** An element on its way; stops as soon as there is no room left, so that its cost is bound by the room. */
class Draft {
  readonly #parts: string[] = []
  room: number
  references: number

  constructor(room: number, references: number) {
    this.room = room
    this.references = references
  }

  text(): string {
    return this.#parts.join('')
  }

  element(name: string, value: unknown, depth: number): void {
    const plain = ELEMENT_NAME.test(name)
    const tag = plain ? name : ENCODED_ELEMENT
    const open = plain ? name : `${ENCODED_ELEMENT} name="${this.#attribute(name)}"`
    if (typeof value !== 'object' || value === null) {
      const text = this.#scalar(value)
      return this.#write(text === '' ? `<${open}/>` : `<${open}>${text}</${tag}>`)
    }
    const members = Array.isArray(value) ? value : Object.entries(value)
    if (members.length === 0) return this.#write(`<${open}/>`)
    this.#write(`<${open}>`)
    this.#members(members, !Array.isArray(value), depth)
    this.#write(`</${tag}>`)
  }

  #members(members: readonly unknown[], named: boolean, depth: number): void {
    if (depth >= MAX_DEPTH) return this.#write('(deeper than can be shown)')
    for (const member of members) {
      if (this.room < 0) return
      if (named) this.element(...(member as [string, unknown]), depth + 1)
      else this.element('item', member, depth + 1)
    }
  }

  #scalar(value: unknown): string {
    if (typeof value === 'boolean') return value ? 'True' : 'False'
    if (typeof value === 'number') return plainNumber(value)
    return typeof value === 'string' ? this.#escaped(value) : 'None'
  }

  #escaped(raw: string): string {
    // Cleaning at most halves a text: what is longer than this cannot fit and is not worth looking through.
    if (raw.length > this.room * 2) return raw
    const text = cleanXmlText(raw)
    const count = countUpTo(MOST_SHORT + 1, text, /[&<]|\]\]>/g)
    if (count === 0) return text
    if (count > MOST_SHORT || this.references + count > TEXT_REFERENCES) {
      return `<![CDATA[${text.replaceAll(']]>', ']]]]><![CDATA[>')}]]>`
    }
    this.references += count
    return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll(']]>', ']]&gt;')
  }

  #attribute(raw: string): string {
    if (raw.length > this.room * 2) return raw
    // Parsers make spaces of tabs and line ends in attributes.
    const text = cleanXmlText(raw).replace(/[\t\n]/g, ' ')
    const count = countUpTo(ALL_REFERENCES + 1, text, /[&<"]/g)
    if (this.references + count > ALL_REFERENCES) return text.replace(/[&<"]/g, '\uFFFD')
    this.references += count
    return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
  }

  #write(text: string): void {
    this.room -= text.length > this.room ? text.length : Buffer.byteLength(text)
    if (this.room >= 0) this.#parts.push(text)
  }
}

/** How often the pattern matches; `most` when it does that often. */
function countUpTo(most: number, text: string, pattern: RegExp): number {
  let count = 0
  while (count < most && pattern.exec(text) !== null) count++
  return count
}

/** The number in decimal digits without an exponent; what JSON cannot hold (1e999 is read as Infinity) is `None`. */
export function plainNumber(value: number): string {
  if (!Number.isFinite(value)) return 'None'
  if (Number.isSafeInteger(value)) return String(value)
  const text = String(value)
  const [mantissa = '', exponent] = text.split('e')
  if (exponent === undefined) return text
  if (!exponent.startsWith('-')) return BigInt(value).toString()
  const digits = mantissa.replace(/[-.]/g, '')
  return `${value < 0 ? '-' : ''}0.${'0'.repeat(-Number(exponent) - 1)}${digits}`
}
