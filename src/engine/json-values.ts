/** Looking for more than this is worth it: less has no room for many values. */
const SMALL_BYTES = 64 * 1024

const COMMA = 0x2c
const BRACKET = 0x5b
const BRACE = 0x7b

/**
 * Whether the JSON text has more than about `most` values. 16 MB of `{},{},..` take half a gigabyte and most of a minute
 * to parse, 16 MB of containers some 100 ms: what a text costs is not told by its length. Commas within strings count.
 */
export function hasMoreValues(json: Buffer, most: number): boolean {
  if (json.length <= SMALL_BYTES) return false
  let values = 1
  for (const byte of json) {
    if (byte === COMMA || byte === BRACE || byte === BRACKET) values++
    if (values > most) return true
  }
  return false
}
