import { percentile } from '../process-meter.ts'
import type { PhaseFigures } from './phase.ts'

const HEAD = [
  'phase', 'wall s', 'CPU s', 'RSS MB', 'peak', 'loop p99', 'max', 'own p99', 'max', 'XAPI calls', 'writes',
  'event MB', 'SSH conn', 'channels*', 'ps in guests*', 'log kB', 'right p50', 'p95', 'all',
] // prettier-ignore

/** One line per phase; `*`: in the simulated guests only. */
export function phaseTable(figures: readonly PhaseFigures[]): string {
  return [line(HEAD), line(HEAD.map(() => '---')), ...figures.map(phaseRow)].map((row) => `${row}\n`).join('')
}

/** The table's line of one phase. */
export function phaseRow(f: PhaseFigures): string {
  return line([
    f.phase,
    f.wallS.toFixed(1),
    f.cpuS.toFixed(2),
    f.rssMb.toFixed(0),
    f.peakMb.toFixed(0),
    `${f.loop.wall.p99} ms`,
    `${f.loop.wall.max}`,
    `${f.loop.own.p99} ms`,
    `${f.loop.own.max}`,
    String(Object.values(f.calls).reduce((a, b) => a + b, 0)),
    String(f.writes),
    f.eventMb.toFixed(2),
    String(f.ssh.connections),
    String(f.ssh.simulatedChannels),
    String(f.ssh.simulatedTops + f.ssh.commands),
    (f.logBytes / 1000).toFixed(1),
    seconds(p(f.rightMs, 0.5)),
    seconds(p(f.rightMs, 0.95)),
    seconds(p(f.rightMs, 1)),
  ])
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`
}

function seconds(ms: number): string {
  if (ms === Infinity) return 'never'
  return Number.isNaN(ms) ? '-' : `${(ms / 1000).toFixed(2)} s`
}

/** What is promised of a fleet of this size, and whether it was kept. */
export interface Verdict {
  readonly what: string
  readonly value: number
  readonly atMost: number
  readonly unit: string
}

export function verdicts(figures: readonly PhaseFigures[], handshakes: number): Verdict[] {
  const of = (phase: string) => figures.find((f) => f.phase === phase)
  const all: (Verdict | undefined)[] = [
    verdict(of('storm'), 'RSS after the storm', 220, 'MB', (f) => f.rssMb),
    verdict(of('reconnects'), 'RSS after the reconnect rounds', 220, 'MB', (f) => f.rssMb),
    verdict(of('reconnects'), 'RSS growth per reconnect round', 0.1, 'MB', (f) => f.notes['slopeMbPerRound']!),
    verdict(of('idle'), 'idle CPU', 1, '% of a core', (f) => f.notes['percentOfCore']!),
    verdict(of('cold start'), 'cold start to all published', 25, 's CPU', (f) => f.cpuS - f.notes['cpuSincePublishedS']!), // prettier-ignore
    verdict(of('cold start'), 'handshakes at once', handshakes, '', (f) => f.notes['mostHandshakes']!),
    verdict(of('event in one'), 'event to other_config p95, one guest', 1000, 'ms', (f) => p(f.rightMs, 0.95)),
    verdict(of('event in all'), 'event to other_config p95, all guests', 5000, 'ms', (f) => p(f.rightMs, 0.95)),
    verdict(of('storm'), "others' events during a storm p95", 1000, 'ms', (f) => p(f.rightMs, 0.95)),
    verdict(of('storm'), 'lists written by the stormy guest', 1, 'per s', (f) => f.notes['stormListsPerS']!),
    verdict(of('storm'), 'all field writes of the stormy guest', 1, 'per s', (f) => f.notes['stormWritesPerS']!),
    verdict(of('idle'), 'writes while nothing changes', 0, '', (f) => f.writes),
    verdict(of('idle'), 'calls but the long poll while nothing changes', 0, '', (f) =>
      Object.entries(f.calls).reduce((sum, [method, n]) => (method === 'event.from' ? sum : sum + n), 0),
    ),
    ...figures.map((f) => verdict(f, `event loop p99, ${f.phase}`, 50, 'ms', () => f.loop.wall.p99)),
    ...figures
      .filter(({ phase }) => phase === 'cold start' || phase === 'XAPI restart' || phase === 'daemon restart')
      .map((f) => verdict(f, `longest stall of its own, ${f.phase}`, 250, 'ms', () => f.loop.own.max)),
  ]
  return all.filter((each) => each !== undefined)
}

function verdict(
  figures: PhaseFigures | undefined,
  what: string,
  atMost: number,
  unit: string,
  value: (figures: PhaseFigures) => number,
): Verdict | undefined {
  return figures === undefined ? undefined : { what, atMost, unit, value: value(figures) }
}

export function verdictTable(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map(({ what, value, atMost, unit }) => [
    what,
    `${Number(value.toFixed(2))} ${unit}`,
    String(atMost),
    value <= atMost ? 'kept' : '**missed**',
  ])
  const head = ['budget', 'measured', 'at most', '']
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |\n`).join('')
}

function p(values: readonly number[] | undefined, share: number): number {
  return values === undefined ? Number.NaN : percentile(values, share)
}
