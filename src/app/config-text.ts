const WORD = /^(?:"([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*/

/**
 * Where a section or a key of it stands in a TOML text, counted from 1; the section's own line when the key is within
 * that line; 0 when neither can be found. For error messages only.
 */
export function lineOf(text: string, section: string, key?: string): number {
  let table: readonly string[] = []
  let ofSection = 0
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    const header = /^\s*\[{1,2}\s*(.*)$/.exec(line)
    const path = header === null ? [...table, ...wordsOf(line.trimStart())] : wordsOf(header[1]!)
    if (header !== null) table = path
    else if (path.length === table.length) continue
    if (path[0] !== section) continue
    if (key === undefined || path[1] === key) return i + 1
    if (path.length === 1 && ofSection === 0) ofSection = i + 1
  }
  return ofSection
}

/** The words of a dotted key at the beginning of `text`. */
function wordsOf(text: string): string[] {
  const words: string[] = []
  for (let rest = text; ; rest = rest.replace(/^\.\s*/, '')) {
    const word = WORD.exec(rest)
    if (word === null) return words
    words.push(word[1] ?? word[2] ?? word[3]!)
    rest = rest.slice(word[0].length)
    if (!rest.startsWith('.')) return words
  }
}
