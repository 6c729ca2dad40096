import { isXmlText } from './characters.ts'
import type { XmlElement } from './xml-tree.ts'

const NAMED: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }
const TAG = /^(\/?)([A-Za-z_][\w.-]*)\s*(\/?)$/

/**
 * Reads documents of bare tags and text, as nearly all calls are, many times faster than a full parser does. Undefined
 * for anything else, be it more than that or malformed: the full parser decides.
 */
export function parsePlainXml(text: string): XmlElement | undefined {
  const top: XmlElement = { name: '', text: '', children: [] }
  const stack = [top]
  let at = text.startsWith('<?xml') ? text.indexOf('?>') + 2 : 0
  while (at < text.length) {
    const open = stack.at(-1)
    const next = text.indexOf('<', at)
    if (open === undefined) return undefined
    const part = unescapeText(text.slice(at, next < 0 ? text.length : next))
    if (part === undefined) return undefined
    open.text += part
    if (next < 0) break
    const close = text.indexOf('>', next)
    if (close < 0 || !applyTag(text.slice(next + 1, close), open, stack)) return undefined
    at = close + 1
  }
  const [root] = top.children
  return stack.length === 1 && top.children.length === 1 && top.text.trim() === '' ? root : undefined
}

function applyTag(inside: string, open: XmlElement, stack: XmlElement[]): boolean {
  const [, slash, name, empty] = TAG.exec(inside) ?? []
  if (name === undefined) return false
  if (slash === '/') {
    stack.pop()
    return empty === '' && open.name === name && stack.length > 0
  }
  const element: XmlElement = { name, text: '', children: [] }
  open.children.push(element)
  if (empty === '') stack.push(element)
  return true
}

const BAD_REFERENCE = /&(?!(?:lt|gt|amp|quot|apos|#\d{1,7}|#x[0-9A-Fa-f]{1,6});)|\]\]>/

/** Undefined when there is an entity that is not one of XML's own, or a reference to a character it forbids. */
function unescapeText(text: string): string | undefined {
  if (BAD_REFERENCE.test(text)) return undefined
  if (!text.includes('&')) return text
  if (text.includes('&#')) return unescapeReferences(text)
  const quotes = text.includes('&quot;') || text.includes('&apos;')
  const unquoted = quotes ? text.replaceAll('&quot;', '"').replaceAll('&apos;', "'") : text
  return unquoted.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')
}

function unescapeReferences(text: string): string | undefined {
  let bad = false
  const plain = text.replace(/&(?:([a-z]+)|#(\d+)|#x([0-9A-Fa-f]+));/g, (_, name, decimal, hex) => {
    if (typeof name === 'string') return NAMED[name] ?? ''
    const code = typeof decimal === 'string' ? Number(decimal) : parseInt(String(hex), 16)
    const char = code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : '\0'
    bad ||= !isXmlText(char)
    return char
  })
  return bad ? undefined : plain
}
