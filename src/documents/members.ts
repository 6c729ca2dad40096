import { XmlPage } from './xml.ts'

/** What is kept of a document until it is encoded, bytes; XAPI takes no value of more than 300 KB. */
const KEPT_BYTES = 300_000

/** A document's members by name, each as the XML element that encodes it. */
export interface Members {
  readonly elements: ReadonlyMap<string, string>
  /** How many members were too much even for the widest budget. */
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
  let left = 0
  for (const [name, value] of Object.entries(document)) {
    const xml = page.element(name, value)
    if (xml === undefined) left += 1
    else elements.set(name, xml)
  }
  const members = { elements, left }
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
