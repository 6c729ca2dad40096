import sax from 'sax'

import { isXmlText } from './characters.ts'
import { parsePlainXml } from './xml-plain.ts'

/** An element with its text (concatenated) and child elements in order. */
export interface XmlElement {
  readonly name: string
  text: string
  readonly children: XmlElement[]
}

/** Parses a whole document; throws an Error that says why on anything that is not well-formed XML 1.0. */
export function parseXml(source: string): XmlElement {
  const { root, rest } = parseFirstElement(source)
  if (rest.trim() !== '') throw new Error('text after the document element')
  return root
}

/** Parses the document element and hands back what follows it unread. */
export function parseFirstElement(source: string): { root: XmlElement; rest: string } {
  if (!isXmlText(source)) throw new Error('illegal character')
  const text = source.includes('\r') ? source.replace(/\r\n?/g, '\n') : source
  const plain = parsePlainXml(text)
  if (plain !== undefined) return { root: plain, rest: '' }
  const end = documentEnd(text)
  const root = buildTree(text.slice(0, end))
  return { root, rest: text.slice(end) }
}

/** Where the document element ends: the end of the text unless something stands behind its last tag. */
function documentEnd(text: string): number {
  const name = /^\s*(?:<\?xml[^>]*\?>\s*)?(?:<!--.*?-->\s*)*<([A-Za-z_][\w.-]*)/s.exec(text)?.[1]
  if (name === undefined) return text.length
  const close = text.indexOf(`</${name}>`)
  return close < 0 ? text.length : close + name.length + 3
}

function buildTree(text: string): XmlElement {
  const parser = sax.parser(true, { trim: false, normalize: false })
  const stack: XmlElement[] = []
  const state: { root?: XmlElement } = {}
  parser.onopentag = (tag) => {
    const element: XmlElement = { name: tag.name, text: '', children: [] }
    stack.at(-1)?.children.push(element)
    state.root ??= element
    stack.push(element)
  }
  parser.onclosetag = () => void stack.pop()
  parser.ontext = (part) => addText(stack.at(-1), part)
  parser.oncdata = (part) => addText(stack.at(-1), part)
  parser.onerror = (error) => {
    throw new Error(error.message.split('\n')[0])
  }
  parser.write(text).close()
  if (state.root === undefined) throw new Error('no element')
  return state.root
}

function addText(element: XmlElement | undefined, part: string): void {
  if (!isXmlText(part)) throw new Error('illegal character reference')
  if (element !== undefined) element.text += part
}
