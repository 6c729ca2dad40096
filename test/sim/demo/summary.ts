import type { Check } from './checks.ts'
import type { Play } from './player.ts'
import type { Style } from './style.ts'

export interface Result {
  readonly plays: readonly Play[]
  readonly checks: readonly Check[]
  /** XAPI writes by key of other_config. */
  readonly writes: ReadonlyMap<string, number>
  readonly seconds: number
}

/** What happened, how long XAPI took to show it, what that cost, and whether all ended well. */
export function summary({ plays, checks, writes, seconds }: Result, style: Style): string {
  const failed = checks.filter(({ wrong }) => wrong.length > 0)
  const verdict =
    failed.length === 0
      ? style.paint('good', `All ${checks.length} checks passed`)
      : style.paint(
          'bad',
          `${failed.length} of ${checks.length} checks failed: ${failed.map(({ name }) => name).join('; ')}`,
        )
  const widest = Math.max(...plays.map(({ text }) => text.length))
  const lines = [
    style.paint('head', `What happened in ${seconds.toFixed(0)} s, and how long until a client of XAPI saw it`),
    ...plays.map((play) => playLine(play, widest, style)),
    '',
    `Containers: ${spread(plays)}`,
    `XAPI writes: ${costs(writes)}`,
    '',
    ...checks.flatMap((check) => checkLines(check, style)),
    `${verdict}.`,
  ]
  return `${lines.join('\n')}\n`
}

/** Why some take longer than the time to look and to write. */
const REMARK: Readonly<Record<Play['kind'], string>> = {
  start: 'all lists',
  container: '',
  vm: '',
  sampled: 'next sample',
  grace: 'on purpose',
}

function playLine({ text, kind, tookMs = 0, failed }: Play, widest: number, style: Style): string {
  const sign = failed ? style.paint('bad', style.glyph.failed) : style.paint('good', style.glyph.done)
  const time = failed ? 'never seen' : `${(tookMs / 1000).toFixed(2).padStart(6)} s`
  return `  ${sign} ${text.padEnd(widest)} ${time}  ${style.paint('dim', REMARK[kind])}`.trimEnd()
}

function spread(plays: readonly Play[]): string {
  const times = plays.flatMap(({ kind, tookMs, failed }) =>
    kind === 'container' && tookMs !== undefined && !failed ? [tookMs / 1000] : [],
  )
  const sorted = times.toSorted((a, b) => a - b)
  if (sorted.length === 0) return 'none changed'
  const median = sorted[Math.floor((sorted.length - 1) / 2)] ?? 0
  return `${sorted.length} changes, in XAPI after ${median.toFixed(2)} s (median), ${(sorted.at(-1) ?? 0).toFixed(2)} s at most`
}

function costs(writes: ReadonlyMap<string, number>): string {
  const sorted = [...writes].toSorted((a, b) => b[1] - a[1])
  const total = sorted.reduce((sum, [, count]) => sum + count, 0)
  const most = sorted.slice(0, 3).map(([key, count]) => `${key} ${count}`)
  return `${total} (most: ${most.join(', ')})`
}

function checkLines({ name, wrong }: Check, style: Style): string[] {
  if (wrong.length === 0) return [`  ${style.paint('good', style.glyph.done)} ${name}`]
  return [`  ${style.paint('bad', style.glyph.failed)} ${name}`, ...wrong.map((each) => `      ${each}`)]
}
