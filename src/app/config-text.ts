/** Where a key stands in a TOML text, counted from 1; 0 when it cannot be found. For error messages only. */
export function lineOf(text: string, section: string, key?: string): number {
  const lines = text.split(/\r?\n/)
  const start = lines.findIndex((line) => new RegExp(`^\\s*\\[\\s*${quoted(section)}\\s*\\]`).test(line))
  if (start === -1) {
    const inline = lines.findIndex((line) => new RegExp(`^\\s*${quoted(section)}\\s*[.=]`).test(line))
    return inline + 1
  }
  if (key === undefined) return start + 1
  for (let i = start + 1; i < lines.length && !/^\s*\[/.test(lines[i]!); i++) {
    if (new RegExp(`^\\s*${quoted(key)}\\s*[.=]`).test(lines[i]!)) return i + 1
  }
  return start + 1
}

/** A bare or a quoted key, as a pattern. */
function quoted(word: string): string {
  return `["']?${word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}["']?`
}
