import { badContainer } from './errors.ts'

/** Names have no limit of their own in engines; ids have 64 characters. */
const MAX_CHARS = 255
/** The grammar of engines' own names, and of ids. Without the slash of link names: that would be a path. */
const REFERENCE = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/

/** The text itself, which may be put into a request's path; a RefusedError of kind `bad-container` for any other. */
export function containerRef(text: string): string {
  if (text.length > MAX_CHARS || !REFERENCE.test(text)) throw badContainer(text)
  return text
}
