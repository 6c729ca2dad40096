import { cutText } from '../base/text.ts'
import type { ProcessTable } from '../engine/engine.ts'

/** One process of a container; a text that the engine does not tell is `-`, since clients break on empty elements. */
export interface ProcessRow {
  readonly pid: string
  readonly ppid: string
  readonly user: string
  /** Cumulative CPU time as [DD-]HH:MM:SS. */
  readonly time: string
  /** The same in seconds; undefined where the engine's text is not understood. */
  readonly seconds: number | undefined
  readonly cmd: string
}

const UNKNOWN = '-'

/** Column titles by what they mean, the first that is there counts. Windows has Name, PID, CPU, Private Working Set. */
const TITLES = {
  pid: ['PID'],
  ppid: ['PPID'],
  user: ['USER', 'UID', 'EUSER', 'RUSER'],
  time: ['TIME', 'TIME+', 'CPU'],
  cmd: ['CMD', 'COMMAND', 'ARGS', 'NAME'],
} as const

/** The first `max` processes of a table, whatever its columns are called and however they are ordered. */
export function readProcesses(table: ProcessTable, max: number): ProcessRow[] {
  const titles = table.titles.slice(0, 64).map((title) => title.trim().toUpperCase())
  const columns = Object.entries(TITLES).map(([field, names]) => [field, columnOf(titles, names)] as const)
  return table.processes.slice(0, max).map((cells) => {
    const of = (field: keyof typeof TITLES, chars: number) => {
      const column = columns.find(([name]) => name === field)?.[1] ?? -1
      return cutText(cells[column]?.trim() ?? '', chars).trim() || UNKNOWN
    }
    const time = of('time', 32)
    const seconds = cpuSeconds(time)
    return {
      pid: of('pid', 16),
      ppid: of('ppid', 16),
      user: of('user', 64),
      time: seconds === undefined ? time : timeText(seconds),
      seconds,
      cmd: of('cmd', 256),
    }
  })
}

function columnOf(titles: readonly string[], names: readonly string[]): number {
  for (const name of names) {
    const column = titles.indexOf(name)
    if (column >= 0) return column
  }
  return -1
}

/**
 * Seconds of CPU time: procps' `[DD-]HH:MM:SS` and `MM:SS`, Windows' `HH:MM:SS.mmm`, busybox' `2h15` and `1d03`,
 * Podman's `1h2m3.5s`. Undefined for anything else.
 */
export function cpuSeconds(text: string): number | undefined {
  const clock = /^(?:(\d{1,6})-)?(?:(\d{1,6}):)?(\d{1,6}):(\d{1,2}(?:\.\d{1,9})?)$/.exec(text)
  if (clock !== null) return sum(clock[1], clock[2], clock[3], clock[4])
  const busybox = /^(\d{1,6})([dh])(\d{2})$/.exec(text)
  if (busybox?.[2] === 'd') return sum(busybox[1], busybox[3], undefined, undefined)
  if (busybox?.[2] === 'h') return sum(undefined, busybox[1], busybox[3], undefined)
  const go = /^(?:(\d{1,6})h)?(?:(\d{1,4})m)?(?:(\d{1,4}(?:\.\d{1,9})?)s)$/.exec(text)
  return go === null ? undefined : sum(undefined, go[1], go[2], go[3])
}

function sum(days = '0', hours = '0', minutes = '0', seconds = '0'): number {
  return ((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds)
}

function timeText(seconds: number): string {
  const whole = Math.floor(seconds)
  const days = Math.floor(whole / 86_400)
  const parts = [Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60, whole % 60]
  return `${days > 0 ? `${String(days).padStart(2, '0')}-` : ''}${parts.map((part) => String(part).padStart(2, '0')).join(':')}`
}
