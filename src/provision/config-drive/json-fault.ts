/** Where a text stops being JSON (RFC 8259), and what should stand there. */
export interface JsonFault {
  readonly at: number
  readonly expected: string
}

const STRING = /"(?:[^"\\\0-\x1F]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y
const SCALAR = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const SPACE = /[ \t\n\r]*/y

/**
 * The first fault of a text, or undefined when it is JSON. JSON.parse tells the place in words that differ between
 * versions of Node. Takes time in proportion to the text, and no stack however deep it nests.
 */
export function jsonFault(text: string): JsonFault | undefined {
  const open: ('{' | '[')[] = []
  let at = 0
  const take = (pattern: RegExp): boolean => {
    pattern.lastIndex = at
    if (!pattern.test(text)) return false
    at = pattern.lastIndex
    return true
  }
  /** What is expected next. */
  let want: 'value' | 'value or ]' | 'name' | 'name or }' | 'comma' = 'value'
  for (;;) {
    take(SPACE)
    const next = text.charAt(at)
    if (want === 'comma') {
      const inside = open.at(-1)
      if (inside === undefined) return next === '' ? undefined : { at, expected: 'the end' }
      const closer = inside === '{' ? '}' : ']'
      if (next !== ',' && next !== closer) return { at, expected: `"," or "${closer}"` }
      at++
      if (next === closer) open.pop()
      else want = inside === '{' ? 'name' : 'value'
    } else if (want === 'name or }' && next === '}') {
      at++
      open.pop()
      want = 'comma'
    } else if (want === 'name' || want === 'name or }') {
      if (!take(STRING)) return { at, expected: 'a name in quotes' }
      take(SPACE)
      if (text.charAt(at) !== ':') return { at, expected: '":"' }
      at++
      want = 'value'
    } else if (want === 'value or ]' && next === ']') {
      at++
      open.pop()
      want = 'comma'
    } else if (next === '{' || next === '[') {
      at++
      open.push(next)
      want = next === '{' ? 'name or }' : 'value or ]'
    } else if (next === '"' ? take(STRING) : take(SCALAR)) want = 'comma'
    else return { at, expected: next === '"' ? 'a string that ends, in one line' : 'a value' }
  }
}
