import type { LastBytes } from '../engine/logs.ts'

/** Escape sequences: CSI; texts up to their end, such as window titles (OSC, DCS, ..); and the short ones. */
const SEQUENCES =
  /(?:\x1B\[|\x9B)[0-?]*[ -/]*[@-~]|\x1B[\]PX^_][^\x07\x1B\x9C\n]{0,4096}(?:\x07|\x1B\\|\x9C)?|\x1B[ -/]*[0-~]/g
/** Controls but tab and line feed, line separators, characters that turn the direction of text, and what XML forbids. */
const NOT_PLAIN = /[\0-\x08\x0B-\x1F\x7F-\x9F\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069\uFFFE\uFFFF]|\p{Surrogate}/gu

/**
 * The text without what steers terminals, as lines that XML and XAPI can carry: tabs and line feeds stay, and a
 * carriage return alone, with which progress bars begin anew, ends a line.
 */
export function cleanLines(text: string): string {
  return text.replace(SEQUENCES, '').replace(/\r\n?/g, '\n').replace(NOT_PLAIN, '\uFFFD')
}

/** The last lines of what a container has printed, at most `maxBytes` of UTF-8. */
export function logText({ bytes, cut }: LastBytes, lines: number, maxBytes: number): string {
  const text = cleanLines((cut ? wholeLines(bytes) : bytes).toString())
  const last = lastLines(text, lines)
  const encoded = Buffer.from(last)
  return encoded.length <= maxBytes ? last : wholeLines(encoded.subarray(-maxBytes)).toString()
}

/** Without the line that was cut off at its beginning, or of a single one without the half of a character there. */
function wholeLines(bytes: Buffer): Buffer {
  const end = bytes.indexOf(0x0a)
  if (end >= 0 && end < bytes.length - 1) return bytes.subarray(end + 1)
  const whole = bytes.findIndex((byte) => (byte & 0xc0) !== 0x80)
  return bytes.subarray(Math.max(whole, 0))
}

function lastLines(text: string, lines: number): string {
  let start = text.endsWith('\n') ? text.length - 1 : text.length
  // Before an index of -1, lastIndexOf would look at 0 again.
  for (let left = lines; left > 0 && start >= 0; left--) start = start === 0 ? -1 : text.lastIndexOf('\n', start - 1)
  return text.slice(start + 1)
}
