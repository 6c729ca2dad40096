import { isCollection, isMap, isScalar, isSeq, parseDocument, visit, type Alias, type Document, type Node } from 'yaml'

/** Where a text is not the YAML that is wanted, and why. */
export interface YamlFault {
  readonly at: number
  readonly what: string
}

/** A node that aliases would make more than this many of is made to exhaust the memory of whoever reads it. */
const MOST_ALIASES = 100

/** Where the reader's own words are for programmers. */
const PLAINLY: Readonly<Record<string, string>> = {
  RESOURCE_EXHAUSTION: 'it nests too deep',
  MULTIPLE_DOCS: 'cloud-init reads one document only, and "---" begins another one',
}

const EXAMPLE = { map: 'lines such as "hostname: web"', list: 'lines that begin with "- "' } as const

/**
 * The first fault of a text, or undefined when it is YAML of this kind, or nothing but comments. As lenient as
 * cloud-init's own reader (PyYAML): YAML 1.1, keys may repeat, a comment may stand right after a quote.
 */
export function yamlFault(text: string, wanted: 'map' | 'list'): YamlFault | undefined {
  const options = { version: '1.1', uniqueKeys: false, strict: false, prettyErrors: false, logLevel: 'error' } as const
  const document = parseDocument(text, options)
  const error = document.errors[0] ?? document.warnings.find(({ code }) => code === 'TAG_RESOLVE_FAILED')
  if (error !== undefined) {
    const at = error.code === 'MISSING_CHAR' ? startOfOpen(document, error.pos[0]) : error.pos[0]
    return {
      at: Math.min(at, text.trimEnd().length),
      what: PLAINLY[error.code] ?? error.message.slice(0, 200),
    }
  }
  const root: unknown = document.contents
  if (root === null || (isScalar(root) && root.value === null)) return undefined
  if (wanted === 'map' ? !isMap(root) : !isSeq(root)) {
    return { at: startOf(document.contents), what: `cloud-init wants a ${wanted} there, ${EXAMPLE[wanted]}` }
  }
  return aliasFault(document)
}

/** What is not closed is missed at the end of the text: the place where it begins tells more. */
function startOfOpen(document: Document, at: number): number {
  let start = at
  visit(document, {
    Node(_, node) {
      const end = node.range?.[1] ?? 0
      const open = isCollection(node) ? node.flow === true : isScalar(node) && /^QUOTE/.test(node.type ?? '')
      if (open && startOf(node) < at && end >= at) start = startOf(node)
    },
  })
  return start
}

/** Aliases to nothing, and such as blow up: cloud-init in the guest would fail or hang. */
function aliasFault(document: Document): YamlFault | undefined {
  const anchors = new Set<string>()
  const aliases: Alias[] = []
  visit(document, {
    Value: (_, { anchor }) => void (anchor === undefined || anchors.add(anchor)),
    Alias: (_, alias) => {
      aliases.push(alias)
      return anchors.has(alias.source) ? undefined : visit.BREAK
    },
  })
  const last = aliases.at(-1)
  if (last === undefined) return undefined
  if (!anchors.has(last.source)) return { at: startOf(last), what: `there is no anchor &${last.source} before it` }
  try {
    document.toJS({ maxAliasCount: MOST_ALIASES })
    return undefined
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error
    return { at: startOf(aliases[0] ?? null), what: 'aliases make more of it than any guest can hold' }
  }
}

function startOf(node: Node | null): number {
  return node?.range?.[0] ?? 0
}
