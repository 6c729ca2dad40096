/** C0 controls but tab and line feed, noncharacters, and halves of surrogate pairs. */
const NOT_XML = /[\0-\x08\x0B-\x1F\uFFFE\uFFFF]|\p{Surrogate}/gu
/** Controls, line and paragraph separators, and characters that turn the direction of the text after them. */
const NOT_TERMINAL = /[\0-\x1F\x7F-\x9F\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069\uFFFE\uFFFF]|\p{Surrogate}/gu

/** What in JSON text could steer a terminal: JSON itself escapes the C0 controls only. */
const STEERING = /[\x7F-\x9F\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]/g

/** Nearly all texts have nothing else; a look for that costs a tenth of the two replacements. */
const PLAIN = /^[\t\n\x20-\x7E]*$/

/**
 * The text as XML 1.0 can carry it and a parser gives it back: what XML forbids becomes U+FFFD (XAPI would cut the
 * value there, silently), and CR or CRLF become LF, as every XML parser makes of them.
 */
export function cleanXmlText(text: string): string {
  if (PLAIN.test(text)) return text
  return text.replace(/\r\n?/g, '\n').replace(NOT_XML, '\uFFFD')
}

/** The text as one line that cannot steer a terminal or forge a line of a log. */
export function cleanForTerminal(text: string): string {
  return text.replace(/\s+/g, ' ').replace(NOT_TERMINAL, '\uFFFD')
}

/** The JSON text with nothing in it that could steer a terminal; the same value when it is read back. */
export function steadyJson(json: string): string {
  return json.replace(STEERING, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/**
 * The first `maxChars` UTF-16 units of the text, one less where that would split a surrogate pair. What was cut is
 * a copy: a plain slice would keep the whole text in memory for as long as it lives.
 */
export function cutText(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text
  const splits = /[\uD800-\uDBFF]/.test(text.charAt(maxChars - 1)) && /[\uDC00-\uDFFF]/.test(text.charAt(maxChars))
  return Buffer.from(text.slice(0, splits ? maxChars - 1 : maxChars), 'utf16le').toString('utf16le')
}
