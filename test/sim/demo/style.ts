/** What a piece of text means; the style says how that looks. */
export type Tone = 'plain' | 'title' | 'head' | 'dim' | 'good' | 'warn' | 'bad' | 'fresh'

export interface Style {
  paint(tone: Tone, text: string): string
  readonly glyph: Readonly<
    Record<'up' | 'paused' | 'down' | 'done' | 'failed' | 'now' | 'bar' | 'rest' | 'cut', string>
  >
}

const SGR: Readonly<Record<Tone, string>> = {
  plain: '',
  title: '1;36',
  head: '1',
  dim: '2',
  good: '32',
  warn: '33',
  bad: '31',
  fresh: '1;33',
}

const UNICODE = {
  up: '●', paused: '◐', down: '○', done: '✓', failed: '✗', now: '▶', bar: '━', rest: '─', cut: '…',
} as const // prettier-ignore
const ASCII = {
  up: '*',
  paused: '=',
  down: 'o',
  done: '+',
  failed: 'x',
  now: '>',
  bar: '=',
  rest: '-',
  cut: '~',
} as const

/** Colour unless NO_COLOR is set (no-color.org); plain letters for signs where the locale is not UTF-8. */
export function styleFor(env: Readonly<Record<string, string | undefined>>, terminal: boolean): Style {
  const colour = terminal && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb'
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || ''
  return {
    glyph: /utf-?8/i.test(locale) ? UNICODE : ASCII,
    paint: (tone, text) => (colour && SGR[tone] !== '' && text !== '' ? `\x1b[${SGR[tone]}m${text}\x1b[0m` : text),
  }
}
