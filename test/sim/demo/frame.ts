import { cleanForTerminal } from '../../../src/base/text.ts'
import { fit, row, wrap, type Cell } from './columns.ts'
import type { Play } from './player.ts'
import type { Style, Tone } from './style.ts'
import { causeOf, type ContainerView, type VmView } from './vm-view.ts'

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

interface Layout {
  readonly gap: number
  readonly widths: readonly number[]
  /** Whether the status of a container has a column of its own. */
  readonly status: boolean
}

const HEAD = ['VM', 'HOST', 'STATE', 'CONTAINER', 'STATUS', 'PORTS', 'IMAGE', 'BUSIEST PROCESS']
const SHORT_HEAD = ['VM', 'HOST', 'STATE', 'CONTAINER', 'PORTS', 'IMAGE', 'BUSIEST']
/** Columns before the containers'. */
const VM_COLUMNS = 3
const CAUSE_LINES = 3

/** The lines of the screen: at most `height`, each at most `width` places wide. */
export function frame(moment: Moment, width: number, height: number, style: Style): string[] {
  const layout = layoutFor(width)
  const blocks = moment.vms.map((vm) => block(vm, moment, layout, width, style))
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
  return { gap, status, widths: [...fixed.slice(0, -1), fixed.at(-1)! + forImage, left - forImage] }
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

/** The lines of one VM: one per container, and the cause when it cannot be monitored. */
function block(vm: VmView, moment: Moment, layout: Layout, width: number, style: Style): string[] {
  const cells = vmCells(vm, moment)
  const used = layout.widths.slice(0, VM_COLUMNS).reduce((sum, each) => sum + each + layout.gap, 0)
  const stale = vm.state !== 'monitored'
  const containers = (vm.containers ?? []).map((container) =>
    containerCells(container, layout, style, stale, moment.fresh(`${vm.name}/${container.name}`)),
  )
  const lines = containers.map((rest, i) =>
    row([...(i === 0 ? cells : [blank, blank, blank]), ...rest], layout.widths, layout.gap, style),
  )
  const note = noteFor(vm)
  if (note === undefined) return lines.length > 0 ? lines : [row(cells, layout.widths, layout.gap, style)]
  const room = Math.max(1, width - used)
  const texts = wrap(note.text, room, lines.length > 0 ? 1 : CAUSE_LINES, style)
  const widths = [...layout.widths.slice(0, VM_COLUMNS), room]
  const notes = texts.map((text, i) =>
    row(
      [...(i === 0 && lines.length === 0 ? cells : [blank, blank, blank]), { ...note, text }],
      widths,
      layout.gap,
      style,
    ),
  )
  return [...lines, ...notes]
}

const blank: Cell = { text: '' }

function vmCells(vm: VmView, moment: Moment): Cell[] {
  const left = moment.graceLeftS(vm.name)
  const fresh = moment.fresh(vm.name)
  const state: Cell =
    left !== undefined && vm.containers !== undefined
      ? { text: `grace ${Math.max(0, left).toFixed(0)} s`, tone: 'warn' }
      : { text: vm.state === 'off' || vm.state === 'waiting' ? '-' : vm.state, tone: STATE_TONE[vm.state] }
  return [
    { text: cleanForTerminal(vm.name), tone: fresh ? 'fresh' : 'head' },
    { text: vm.host, tone: fresh ? 'fresh' : 'plain' },
    state,
  ]
}

const STATE_TONE = { monitored: 'good', connecting: 'warn', failed: 'bad', waiting: 'dim', off: 'dim' } as const

function containerCells(
  { name, status, ports, image, busiest }: ContainerView,
  layout: Layout,
  style: Style,
  stale: boolean,
  fresh: boolean,
): Cell[] {
  const up = status === 'Up'
  const sign = up ? style.glyph.up : status.startsWith('Up') ? style.glyph.paused : style.glyph.down
  const tone: Tone = stale ? 'dim' : fresh ? 'fresh' : up ? 'good' : status.startsWith('Up') ? 'warn' : 'dim'
  const rest: Tone = stale || !status.startsWith('Up') ? 'dim' : 'plain'
  const process =
    busiest === undefined ? '' : `${busiest.cpu.toFixed(0).padStart(3)}% ${cleanForTerminal(busiest.command)}`
  const hot = !stale && (busiest?.cpu ?? 0) >= 90
  return [
    { text: cleanForTerminal(`${sign} ${name}`), tone },
    ...(layout.status ? [{ text: cleanForTerminal(status), tone }] : []),
    { text: cleanForTerminal(ports), tone: rest },
    { text: cleanForTerminal(image), tone: rest },
    { text: process, tone: hot ? 'bad' : busiest?.cpu === 0 ? 'dim' : rest },
  ]
}

/** Why there is nothing to see, or why it may be old. */
function noteFor(vm: VmView): Cell | undefined {
  if (vm.state === 'off') return { text: 'not registered', tone: 'dim' }
  if (vm.state === 'waiting' && vm.containers === undefined) return { text: 'no daemon yet', tone: 'dim' }
  if (vm.state !== 'failed') return undefined
  return { text: cleanForTerminal(causeOf(vm)), tone: 'bad' }
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
