import { clip, fit, row } from './columns.ts'
import type { Play } from './player.ts'
import type { Style, Tone } from './style.ts'
import { vmBlock, type Layout } from './vm-block.ts'
import type { VmView } from './vm-view.ts'

/** All that is on the screen at one moment. */
export interface Moment {
  readonly vms: readonly VmView[]
  readonly plays: readonly Play[]
  /** On the clock that the plays' times are on, milliseconds. */
  readonly nowMs: number
  readonly elapsedS: number
  readonly totalS: number
  readonly writes: number
  /** Seconds until what a lost VM showed last is taken back; undefined when it is not lost. */
  readonly graceLeftS: (vm: string) => number | undefined
  /** Whether this changed just now: a VM's name, or `vm/container`. */
  readonly fresh: (what: string) => boolean
}

const HEAD = ['VM', 'HOST', 'STATE', 'CONTAINER', 'STATUS', 'PORTS', 'IMAGE', 'BUSIEST PROCESS']
const SHORT_HEAD = ['VM', 'HOST', 'STATE', 'CONTAINER', 'PORTS', 'IMAGE', 'BUSIEST']

/** The lines of the screen: at most `height`, each at most `width` places wide. */
export function frame(moment: Moment, width: number, height: number, style: Style): string[] {
  const layout = layoutFor(width)
  const blocks = moment.vms.map((vm) => vmBlock(vm, moment, layout, width, style))
  const rows = blocks.reduce((sum, lines) => sum + lines.length, 0)
  const roomy = height >= rows + blocks.length + 10
  const table = blocks.flatMap((lines, i) => (roomy && i > 0 ? ['', ...lines] : lines))
  const head = (layout.status ? HEAD : SHORT_HEAD).map((text) => ({ text, tone: 'head' as const }))
  const top = [title(moment, width, style), bar(moment, width, style), row(head, layout.widths, layout.gap, style)]
  const lines = [...top, ...table, '']
  return [...lines, ...happenings(moment, width, height - lines.length, style)].slice(0, height)
}

/** Wide terminals show a container's status in words, narrow ones by its sign only. What is left goes to the last two. */
function layoutFor(width: number): Layout {
  const status = width >= 100
  const gap = width >= 124 ? 2 : 1
  const fixed = status ? [12, 6, 10, 15, 12, 9, 16] : [12, 6, 10, 15, 8, 11]
  const left = Math.max(0, width - fixed.reduce((sum, each) => sum + each + gap, 0))
  const forImage = Math.min(8, Math.max(0, left - 24))
  const widths = [...fixed.slice(0, -1), fixed.at(-1)! + forImage, left - forImage]
  return { gap, status, widths: clip(widths, gap, width) }
}

function title({ elapsedS, totalS, vms, writes }: Moment, width: number, style: Style): string {
  const containers = vms.reduce((sum, vm) => sum + (vm.containers?.length ?? 0), 0)
  const name = 'xscontainer demo'
  const time = `${Math.min(elapsedS, totalS).toFixed(0)} / ${totalS} s`
  const facts = `${width >= 100 ? 'simulated pool: ' : ''}2 hosts, ${vms.length} VMs, ${containers} containers, ${writes} XAPI writes`
  const room = width - name.length - time.length - 4
  const middle = fit(facts, room, style)
  return `${style.paint('title', name)}  ${style.paint('dim', middle.padEnd(room))}  ${time}`
}

function bar({ elapsedS, totalS }: Moment, width: number, style: Style): string {
  const done = Math.round(width * Math.min(1, elapsedS / totalS))
  return style.paint('title', style.glyph.bar.repeat(done)) + style.paint('dim', style.glyph.rest.repeat(width - done))
}

/** What happens now and what happened before, the latest first. */
function happenings({ plays, nowMs }: Moment, width: number, room: number, style: Style): string[] {
  const open = plays.filter(({ tookMs }) => tookMs === undefined).toReversed()
  const shown = plays.filter(({ tookMs }) => tookMs !== undefined).toReversed()
  return [...open, ...shown].slice(0, Math.max(1, room)).map((play, i) => {
    const { text, tookMs, failed, beganMs } = play
    const sign = tookMs === undefined ? style.glyph.now : failed ? style.glyph.failed : style.glyph.done
    const time = tookMs === undefined ? `${seconds(nowMs - beganMs, 1)} s ..` : `${timeText(play)}`
    const tone: Tone = failed ? 'bad' : tookMs === undefined ? 'warn' : i < 1 ? 'good' : 'dim'
    const place = Math.max(0, width - 2 - 25)
    return row(
      [
        { text: sign, tone },
        { text, tone: tone === 'good' ? 'plain' : tone },
        { text: time, tone },
      ],
      [1, place, 23],
      1,
      style,
    )
  })
}

/** How long it took until XAPI showed it. */
export function timeText({ tookMs, failed }: Pick<Play, 'tookMs' | 'failed'>): string {
  if (failed) return 'never seen in XAPI'
  return `in XAPI after ${seconds(tookMs ?? 0, 2)} s`
}

function seconds(ms: number, digits: number): string {
  return (ms / 1000).toFixed(digits)
}
