import { ucs2 } from './fields.ts'
import { isFolder, type FolderNode, type IsoNode } from './iso-tree.ts'

/** A node and what it is called in one of the image's trees, as the bytes that stand there. */
export interface Named {
  readonly node: IsoNode
  readonly id: Buffer
}

/** A folder's children in the order of a tree. */
export type Naming = (folder: FolderNode) => Named[]

/** A name in two parts: what stands before and after its last dot. */
interface Parts {
  readonly stem: string
  readonly extension: string
}

interface Rules {
  /** Characters for the stem beside this extension. */
  room(extension: string): number
  parts(node: IsoNode): Parts
  encode(node: IsoNode, parts: Parts): Buffer
  sortKey(parts: Parts): Buffer
}

/** ECMA-119 level 1: eight characters and three, of A-Z, 0-9 and _; folders without the three. */
export const plainNames: Naming = naming({
  room: () => 8,
  parts(node) {
    const { stem, extension } = isFolder(node) ? { stem: node.name, extension: '' } : splitAtDot(node.name)
    return { stem: plain(stem), extension: plain(extension).slice(0, 3) }
  },
  encode: (node, { stem, extension }) => Buffer.from(isFolder(node) ? stem : `${stem}.${extension};1`, 'latin1'),
  // ECMA-119 9.3: compared as if filled up with spaces.
  sortKey: ({ stem, extension }) => Buffer.from(stem.padEnd(8) + extension.padEnd(3), 'latin1'),
})

/** Joliet: 64 characters of UCS-2 without those that its specification forbids. */
export const jolietNames: Naming = naming({
  room: (extension) => 64 - (extension === '' ? 0 : extension.length + 1),
  parts(node) {
    const { stem, extension } = splitAtDot(node.name)
    // A dot near the beginning of a long name makes no extension worth keeping.
    return extension.length > 20
      ? { stem: joliet(node.name), extension: '' }
      : { stem: joliet(stem), extension: joliet(extension) }
  },
  // Without a version, as other software writes it, and as programs ask for it.
  encode: (_, parts) => ucs2(joined(parts)),
  sortKey: (parts) => ucs2(joined(parts)),
})

function plain(text: string): string {
  return text.toUpperCase().replace(/[^A-Z0-9_]/g, '_')
}

function joliet(text: string): string {
  return text.replace(/[\uD800-\uDFFF\0-\x1F*/:;?\\]/g, '_')
}

function joined({ stem, extension }: Parts): string {
  return extension === '' ? stem : `${stem}.${extension}`
}

function splitAtDot(name: string): Parts {
  const dot = name.lastIndexOf('.')
  if (dot <= 0 || dot === name.length - 1) return { stem: name, extension: '' }
  return { stem: name.slice(0, dot), extension: name.slice(dot + 1) }
}

function naming(rules: Rules): Naming {
  return (folder) => {
    const taken = new Set<string>()
    const numbers = new Map<string, number>()
    // Sorted first: which of two colliding names gets a number must not depend on the order they came in.
    const nodes = folder.children.map((node) => ({ node, key: Buffer.from(node.name) }))
    nodes.sort((a, b) => Buffer.compare(a.key, b.key))
    const named = nodes.map(({ node }) => {
      const parts = unique(rules.parts(node), rules, taken, numbers)
      return { node, id: rules.encode(node, parts), key: rules.sortKey(parts) }
    })
    return named.sort((a, b) => Buffer.compare(a.key, b.key))
  }
}

/** The parts cut to size, with a number at the end of the stem where another node has this name already. */
function unique(wanted: Parts, rules: Rules, taken: Set<string>, numbers: Map<string, number>): Parts {
  const { extension } = wanted
  const room = rules.room(extension)
  const stem = wanted.stem.slice(0, room)
  const first = joined({ stem, extension })
  let parts: Parts = { stem, extension }
  for (let number = numbers.get(first) ?? 0; taken.has(joined(parts)); number++) {
    const digits = String(number)
    parts = { stem: stem.slice(0, room - digits.length) + digits, extension }
    numbers.set(first, number + 1)
  }
  taken.add(joined(parts))
  return parts
}
