/** A terminal that is drawn in place: only lines that changed are written, so nothing flickers. */
export class Screen {
  readonly #out: NodeJS.WriteStream
  readonly #draw: (width: number, height: number) => string[]
  #before: string[] = []
  #open = false
  readonly #onResize = () => this.#redraw()

  constructor(out: NodeJS.WriteStream, draw: (width: number, height: number) => string[]) {
    this.#out = out
    this.#draw = draw
  }

  /** Another screen than the one with the user's work; the cursor is hidden. */
  open(): void {
    this.#open = true
    this.#out.write('\x1b[?1049h\x1b[?25l\x1b[2J')
    this.#out.on('resize', this.#onResize)
    this.update()
  }

  update(): void {
    if (!this.#open) return
    const lines = this.#draw(this.#out.columns || 80, this.#out.rows || 24)
    const most = Math.max(lines.length, this.#before.length)
    let changes = ''
    for (let i = 0; i < most; i++) {
      const line = lines[i] ?? ''
      if (line !== this.#before[i]) changes += `\x1b[${i + 1};1H${line}\x1b[K`
    }
    this.#before = lines
    // Terminals that know 2026 show all changes at once; the others ignore it.
    if (changes !== '') this.#out.write(`\x1b[?2026h${changes}\x1b[?2026l`)
  }

  /** Back to the user's screen, with a cursor. May be called more than once. */
  close(): void {
    if (!this.#open) return
    this.#open = false
    this.#out.off('resize', this.#onResize)
    this.#out.write('\x1b[0m\x1b[?25h\x1b[?1049l')
  }

  #redraw(): void {
    if (!this.#open) return
    this.#before = []
    this.#out.write('\x1b[2J')
    this.update()
  }
}
