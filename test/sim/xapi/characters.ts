/** What XAPI's database refuses: control characters other than tab, LF, CR, and what is not UTF-8 (lone surrogates). */
const ILLEGAL =
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/

/** What an XML parser refuses on top of that. */
const NOT_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/

export function isLegal(text: string): boolean {
  return !ILLEGAL.test(text)
}

export function isXmlText(text: string): boolean {
  return !NOT_XML.test(text)
}

/** The text up to its first illegal character. */
export function cutAtIllegal(text: string): string {
  const found = ILLEGAL.exec(text)
  return found === null ? text : text.slice(0, found.index)
}

/** The text with each control character replaced by U+FFFD, as message.create does. */
export function replaceIllegal(text: string): string {
  return text.replace(new RegExp(ILLEGAL, 'g'), '\ufffd')
}

/** The text without control characters, as the argument of a plugin is written. */
export function dropIllegal(text: string): string {
  return text.replace(new RegExp(ILLEGAL, 'g'), '')
}
