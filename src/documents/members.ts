import { XmlPage } from './xml.ts'

/** What is kept of a document until it is encoded, bytes; XAPI takes no value of more than 300 KB. */
const KEPT_BYTES = 300_000

/** After so many members that were too long, the others are only counted: looking at each costs as much as it has room. */
const MOST_TOO_LONG = 3

/** A document's members by name, each as the XML element that encodes it. */
export interface Members {
  readonly elements: ReadonlyMap<string, string>
  /** How many members were too much even for the widest budget, or came after those. */
  readonly left: number
}

/** The members of an engine's document in the engine's order; `previous` itself when only `volatile` ones differ. */
export function readMembers(
  root: string,
  document: Readonly<Record<string, unknown>>,
  previous: Members | undefined,
  volatile: ReadonlySet<string>,
): Members {
  const page = new XmlPage(root, KEPT_BYTES)
  const elements = new Map<string, string>()
  const all = Object.entries(document)
  let tooLong = 0
  for (const [name, value] of all) {
    const xml = page.element(name, value)
    if (xml !== undefined) elements.set(name, xml)
    else if (++tooLong === MOST_TOO_LONG) break
  }
  const members = { elements, left: all.length - elements.size }
  return previous !== undefined && isSame(previous, members, volatile) ? previous : members
}

/**
 * The document of those members that fit: one that would take more than a quarter of the budget for itself is left
 * out first, then those at the end.
 */
export function encodeMembers(root: string, members: Members, budgetBytes: number): string {
  const page = new XmlPage(root, budgetBytes)
  const all = [...members.elements.values()]
  const whole = page.fitting(all, budgetBytes)
  const chosen = whole.length === all.length ? whole : page.fitting(all, budgetBytes / 4)
  return page.document(chosen, all.length - chosen.length + members.left)
}

function isSame(a: Members, b: Members, volatile: ReadonlySet<string>): boolean {
  if (a.left !== b.left || a.elements.size !== b.elements.size) return false
  for (const [name, xml] of a.elements) {
    if (b.elements.get(name) !== xml && !(volatile.has(name) && b.elements.has(name))) return false
  }
  return true
}
