import type { Style, Tone } from './style.ts'

export interface Cell {
  readonly text: string
  readonly tone?: Tone
}

/** The widths of columns as far as they fit into `total` places. */
export function clip(widths: readonly number[], gap: number, total: number): number[] {
  let left = total
  return widths.map((width) => {
    const clipped = Math.max(0, Math.min(width, left))
    left -= width + gap
    return clipped
  })
}

/** One line of cells, each cut to the width of its column. Blanks at the end are left out. */
export function row(cells: readonly Cell[], widths: readonly number[], gap: number, style: Style): string {
  return cells
    .map((cell, i) => {
      const width = widths[i] ?? 0
      const shown = fit(cell.text, width, style)
      const last = i === cells.length - 1
      return style.paint(cell.tone ?? 'plain', shown) + (last ? '' : ' '.repeat(width - shown.length + gap))
    })
    .join('')
    .replace(/ +$/, '')
}

/** The text in at most `width` places; a mark shows where it was cut. */
export function fit(text: string, width: number, style: Style): string {
  if (text.length <= width) return text
  return width < 2 ? text.slice(0, Math.max(0, width)) : text.slice(0, width - 1) + style.glyph.cut
}

/** The text in lines of at most `width` places, broken at blanks; what does not fit into `most` lines is cut. */
export function wrap(text: string, width: number, most: number, style: Style): string[] {
  const lines: string[] = []
  let rest = text
  while (rest.length > width && lines.length < most - 1) {
    const at = rest.lastIndexOf(' ', width)
    const end = at > 0 ? at : width
    lines.push(rest.slice(0, end))
    rest = rest.slice(end).trimStart()
  }
  return [...lines, fit(rest, width, style)]
}
