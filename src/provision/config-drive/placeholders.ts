/** What stands for what in a template: the names without the prefix that the old spelling has. */
type Mark = 'VMNAMETOHOSTNAME' | 'CONTAINERRSAPUB' | 'HIN' | 'HINEXISTS' | 'ENDHINEXISTS'

/** A placeholder or a block's mark in a template. */
export interface Token {
  readonly mark: Mark
  /** As it is spelled there. */
  readonly text: string
  readonly start: number
  readonly end: number
}

/** What takes the placeholders' place, ready to be put in. `device`: undefined drops the blocks for it. */
export interface Values {
  readonly hostName: string
  readonly key: string
  readonly device: string | undefined
}

/** A text made of a template's pieces. */
export interface Filled {
  readonly text: string
  /** Where in the template this place of the text comes from. */
  readonly sourceOf: (offset: number) => number
  /** The template's placeholders that were filled in. */
  readonly used: readonly Token[]
}

/** Old and new spelling; the predecessor's first releases wrote the end of a block in a third one. */
const TOKEN = /%(?:(?:XS)?(?:VMNAMETOHOSTNAME|CONTAINERRSAPUB|HIN|HINEXISTS|ENDHINEXISTS)|ENDXSHINEXISTS)%/g

export function tokensOf(template: string): Token[] {
  return [...template.matchAll(TOKEN)].map(({ 0: text, index }) => ({
    mark: text.replace('XS', '').slice(1, -1) as Mark,
    text,
    start: index,
    end: index + text.length,
  }))
}

/** Each block's two marks, and the marks that make none: blocks do not lie in one another. */
export function blocksOf(tokens: readonly Token[]): { blocks: ReadonlyMap<Token, Token>; stray: Token[] } {
  const blocks = new Map<Token, Token>()
  const stray: Token[] = []
  let open: Token | undefined
  for (const token of tokens) {
    if (token.mark === 'HINEXISTS') {
      if (open !== undefined) stray.push(open)
      open = token
    } else if (token.mark === 'ENDHINEXISTS') {
      if (open === undefined) stray.push(token)
      else blocks.set(open, token)
      open = undefined
    }
  }
  if (open !== undefined) stray.push(open)
  return { blocks, stray }
}

/** The template from `from` on with its placeholders filled in. Marks that make no block stay as they are. */
export function fill(template: string, from: number, values: Values): Filled {
  const tokens = tokensOf(template).filter(({ start }) => start >= from)
  const { blocks, stray } = blocksOf(tokens)
  const literal = new Set(stray)
  const output = new Pieces()
  const used: Token[] = []
  let next = from
  for (const token of tokens) {
    if (token.start < next || literal.has(token)) continue
    output.put(template.slice(next, token.start), next)
    next = token.end
    if (token.mark === 'HINEXISTS') {
      if (values.device === undefined) next = blocks.get(token)?.end ?? next
    } else if (token.mark !== 'ENDHINEXISTS') {
      used.push(token)
      output.put(valueOf(token, values), token.start)
    }
  }
  output.put(template.slice(next), next)
  return { text: output.text(), sourceOf: (offset) => output.sourceOf(offset), used }
}

/** Without the network there is no device: nothing is better than a placeholder in what the guest reads. */
function valueOf({ mark, text }: Token, { hostName, key, device }: Values): string {
  if (mark === 'VMNAMETOHOSTNAME') return hostName
  if (mark === 'CONTAINERRSAPUB') return key
  return mark === 'HIN' ? (device ?? '') : text
}

/** A text that knows where its pieces come from. */
class Pieces {
  readonly #pieces: { readonly text: string; readonly at: number; readonly source: number }[] = []
  #length = 0

  /** What stands at `source`, or takes the place of what does. */
  put(text: string, source: number): void {
    this.#pieces.push({ text, at: this.#length, source })
    this.#length += text.length
  }

  text(): string {
    return this.#pieces.map(({ text }) => text).join('')
  }

  sourceOf(offset: number): number {
    const piece = this.#pieces.findLast(({ at }) => at <= offset)
    return piece === undefined ? 0 : piece.source + Math.min(offset - piece.at, piece.text.length)
  }
}
