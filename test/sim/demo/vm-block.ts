import { cleanForTerminal } from '../../../src/base/text.ts'
import { row, wrap, type Cell } from './columns.ts'
import type { Moment } from './frame.ts'
import type { Style, Tone } from './style.ts'
import { causeOf, type ContainerView, type VmView } from './vm-view.ts'

/** Which columns there are, and how wide. */
export interface Layout {
  readonly gap: number
  readonly widths: readonly number[]
  /** Whether the status of a container has a column of its own. */
  readonly status: boolean
}

type News = Pick<Moment, 'graceLeftS' | 'fresh'>

/** Columns before the containers'. */
const VM_COLUMNS = 3
const CAUSE_LINES = 3

/** The lines of one VM: one per container, and the cause when it cannot be monitored. */
export function vmBlock(vm: VmView, moment: News, layout: Layout, width: number, style: Style): string[] {
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
  const room = Math.max(0, width - used)
  const texts = wrap(note.text, room, lines.length > 0 || room < 20 ? 1 : CAUSE_LINES, style)
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

function vmCells(vm: VmView, moment: News): Cell[] {
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
    { text: cleanForTerminal(layout.status ? image : (image.split('/').at(-1) ?? '')), tone: rest },
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
