import { RefusedError } from '../../base/errors.ts'

/** What XAPI wants of a plugin: a function by name, with texts, in the name of a session. */
export interface MethodCall {
  readonly fn: string
  /** A reference as good as a password: not for logs, errors or other processes. */
  readonly session: string
  readonly args: Readonly<Record<string, string>>
}

/** Linux passes no argument of more than 128 KiB (MAX_ARG_STRLEN). */
const MOST_CHARS = 128 * 1024
/** What XML allows between elements: white space, comments, and instructions such as the XML declaration. */
const BETWEEN = /(?:[ \t\r\n]+|<!--(?:[^-]|-[^-])*-->|<\?[^]*?\?>)*/y
const TEXT = /(?:[^<&]+|&[^;<&\s]{1,12};|<!\[CDATA\[[^]*?\]\]>|<!--(?:[^-]|-[^-])*-->)*/y
const PART = /<!\[CDATA\[([^]*?)\]\]>|<!--[^]*?-->|&([^;]+);|\r\n?/g
const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', apos: "'", quot: '"' }

/**
 * Reads the XML-RPC methodCall that is a plugin's only argument: a session's reference and a struct of strings, typed
 * or not. Throws RefusedError for anything else; its text has nothing of what was read.
 */
export function parseMethodCall(xml: string): MethodCall {
  if (xml.length > MOST_CHARS) throw broken(`it has ${xml.length} characters, more than ${MOST_CHARS}`)
  const cursor = new Cursor(xml)
  cursor.open('methodCall')
  const fn = cursor.textElement('methodName')
  cursor.open('params')
  const session = param(cursor, string)
  const args = param(cursor, struct)
  cursor.close('params')
  cursor.close('methodCall')
  cursor.end()
  return { fn, session, args }
}

function param<T>(cursor: Cursor, read: (cursor: Cursor) => T): T {
  cursor.open('param')
  const value = read(cursor)
  cursor.close('param')
  return value
}

function string(cursor: Cursor): string {
  if (cursor.empty('value')) return ''
  cursor.open('value')
  const untyped = cursor.text()
  if (cursor.at('</value')) {
    cursor.close('value')
    return untyped
  }
  if (untyped.trim() !== '') throw cursor.expected('</value>')
  const typed = cursor.textElement('string')
  cursor.close('value')
  return typed
}

function struct(cursor: Cursor): Record<string, string> {
  const members: [string, string][] = []
  cursor.open('value')
  if (!cursor.empty('struct')) {
    cursor.open('struct')
    while (!cursor.at('</')) {
      cursor.open('member')
      members.push([cursor.textElement('name'), string(cursor)])
      cursor.close('member')
    }
    cursor.close('struct')
  }
  cursor.close('value')
  return Object.fromEntries(members)
}

/** A place in an XML text that moves on by what is expected there, or throws. */
class Cursor {
  readonly #xml: string
  #place = 0

  constructor(xml: string) {
    this.#xml = xml
  }

  /** Whether this comes next, white space and comments aside. */
  at(what: string): boolean {
    this.#take(BETWEEN)
    return this.#xml.startsWith(what, this.#place)
  }

  open(name: string): void {
    if (!this.#tag(`<${name}`, '>')) throw this.expected(`<${name}>`)
  }

  close(name: string): void {
    if (!this.#tag(`</${name}`, '>')) throw this.expected(`</${name}>`)
  }

  /** Takes `<name/>` if that comes next. */
  empty(name: string): boolean {
    return this.#tag(`<${name}`, '/>')
  }

  textElement(name: string): string {
    if (this.empty(name)) return ''
    this.open(name)
    const text = this.text()
    this.close(name)
    return text
  }

  /** Text up to the next tag, entities resolved. */
  text(): string {
    const start = this.#place
    return this.#take(TEXT).replace(PART, (part, cdata: string | undefined, entity: string | undefined) => {
      if (cdata !== undefined) return cdata.replace(/\r\n?/g, '\n')
      if (entity !== undefined) return this.#character(entity, start)
      return part.startsWith('<') ? '' : '\n'
    })
  }

  end(): void {
    this.#take(BETWEEN)
    if (this.#place !== this.#xml.length) throw this.expected('its end')
  }

  expected(what: string): Error {
    return broken(`${what} is expected at character ${this.#place}`)
  }

  #tag(start: string, end: string): boolean {
    if (!this.at(start)) return false
    const rest = /[ \t\r\n]*/y
    rest.lastIndex = this.#place + start.length
    rest.test(this.#xml)
    if (!this.#xml.startsWith(end, rest.lastIndex)) return false
    this.#place = rest.lastIndex + end.length
    return true
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#place
    const [taken = ''] = pattern.exec(this.#xml) ?? []
    this.#place += taken.length
    return taken
  }

  #character(entity: string, start: number): string {
    const known = Object.hasOwn(ENTITIES, entity) ? ENTITIES[entity] : undefined
    if (known !== undefined) return known
    const digits = /^#(?:x([0-9a-fA-F]+)|([0-9]+))$/.exec(entity)
    const code = digits === null ? 0 : parseInt(digits[1] ?? digits[2]!, digits[1] === undefined ? 10 : 16)
    const isCharacter = code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff)
    if (!isCharacter) throw broken(`a text that begins at character ${start} has an entity that XML does not know`)
    return String.fromCodePoint(code)
  }
}

function broken(why: string): RefusedError {
  return new RefusedError({
    kind: 'broken-call',
    cause: `The call of the plugin is not the XML that XAPI sends: ${why}`,
    cure: 'Call it through XAPI: xe host-call-plugin host-uuid=.. plugin=xscontainer fn=.. args:vmuuid=..',
  })
}
