const [QUOTE, BACKSLASH, COMMA, OPEN, CLOSE, OPEN_LIST, CLOSE_LIST] = [0x22, 0x5c, 0x2c, 0x7b, 0x7d, 0x5b, 0x5d]

/**
 * Where values are in a long JSON text of which not all is wanted, or not in one go: JSON.parse holds everybody up, and
 * a thousand names that it has never seen cost it more than a million that it has. All throw SyntaxError where the text
 * breaks off; what is malformed otherwise is for whoever parses the values.
 */
export interface Place {
  /** Of the value's first byte. */
  readonly start: number
  /** Of the first byte after it. */
  readonly end: number
}

/** A member of an object; the name as it is written, which for plain ones is the name. */
export interface Member extends Place {
  readonly name: string
}

/** The next byte that is no white space. */
export function skipBlanks(text: Buffer, from: number): number {
  let at = from
  while (text[at] === 0x20 || text[at] === 0x0a || text[at] === 0x0d || text[at] === 0x09) at++
  return at
}

export function isList(text: Buffer, at: number): boolean {
  return text[at] === OPEN_LIST
}

export function isObject(text: Buffer, at: number): boolean {
  return text[at] === OPEN
}

/** The elements of the list that begins at `from`. Gives where its closing bracket is. */
export function* elementsOf(text: Buffer, from: number): Generator<Place, number> {
  let start = skipBlanks(text, from + 1)
  while (text[start] !== CLOSE_LIST) {
    const end = endOfValue(text, start)
    yield { start, end }
    start = skipBlanks(text, end)
    if (text[start] === COMMA) start = skipBlanks(text, start + 1)
    else if (text[start] !== CLOSE_LIST) throw new SyntaxError('a list that does not end')
  }
  return start
}

/** The members of the object that begins at `from`; a name may come twice. */
export function* membersOf(text: Buffer, from: number): Generator<Member, void> {
  let at = skipBlanks(text, from + 1)
  while (text[at] === QUOTE) {
    const close = endOfString(text, at)
    const start = skipBlanks(text, skipBlanks(text, close + 1) + 1)
    const end = endOfValue(text, start)
    yield { name: text.toString('latin1', at + 1, close), start, end }
    at = skipBlanks(text, end)
    if (text[at] === COMMA) at = skipBlanks(text, at + 1)
  }
}

/** The first byte after the value that begins at `from`. */
function endOfValue(text: Buffer, from: number): number {
  let depth = 0
  for (let at = from; at < text.length; at++) {
    const byte = text[at]
    if (byte === QUOTE) {
      at = endOfString(text, at)
      if (depth === 0) return at + 1
    } else if (byte === OPEN || byte === OPEN_LIST) depth++
    else if (byte === CLOSE || byte === CLOSE_LIST) {
      if (depth === 0) return at
      if (--depth === 0) return at + 1
    } else if (byte === COMMA && depth === 0) return at
  }
  throw new SyntaxError('a value that does not end')
}

/** Where the closing quote of the string is that begins at `from`. */
function endOfString(text: Buffer, from: number): number {
  const quote = text.indexOf(QUOTE, from + 1)
  let before = quote - 1
  while (text[before] === BACKSLASH) before--
  if (quote !== -1 && (quote - before) % 2 === 1) return quote
  // Where there is one quote in it there may be millions: byte by byte is faster then.
  for (let at = quote + 1; quote !== -1 && at < text.length; at++) {
    if (text[at] === BACKSLASH) at++
    else if (text[at] === QUOTE) return at
  }
  throw new SyntaxError('a text that does not end')
}
