import type { SimContainer, SimProcess } from './sim-container.ts'

export interface TopTable {
  readonly Processes: string[][]
  readonly Titles: string[]
}

const FULL = ['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD'] as const
const AUX = ['USER', 'PID', '%CPU', '%MEM', 'VSZ', 'RSS', 'TTY', 'STAT', 'START', 'TIME', 'COMMAND'] as const
const WINDOWS = ['Name', 'PID', 'CPU', 'Private Working Set'] as const

/** Names that `ps -o` knows, and the titles it prints for them. */
const TITLES: Readonly<Record<string, string>> = {
  pid: 'PID',
  ppid: 'PPID',
  user: 'USER',
  euser: 'EUSER',
  uid: 'UID',
  time: 'TIME',
  cputime: 'TIME',
  times: 'TIME',
  cputimes: 'TIME',
  etime: 'ELAPSED',
  etimes: 'ELAPSED',
  pcpu: '%CPU',
  '%cpu': '%CPU',
  c: 'C',
  comm: 'COMMAND',
  cmd: 'CMD',
  args: 'COMMAND',
  command: 'COMMAND',
  stime: 'STIME',
  tty: 'TT',
  stat: 'STAT',
  rss: 'RSS',
  vsz: 'VSZ',
}

/** The answer of /top for `ps_args`, or undefined where `ps` would print no PID column. */
export function topTable(container: SimContainer, psArgs: string, windows: boolean): TopTable | undefined {
  if (windows) return table(WINDOWS, container, (process, title) => windowsCell(process, title))
  const format = /(?:^|\s)-?[A-Za-z]*o\s*(\S+)/.exec(psArgs)?.[1]
  if (format !== undefined) return customTable(container, format.split(','))
  const titles = /u/.test(psArgs) ? AUX : FULL
  return table(titles, container, (process, title) => cell(container, process, title))
}

function customTable(container: SimContainer, names: readonly string[]): TopTable | undefined {
  if (!names.includes('pid')) return undefined
  const titles = names.map((name) => TITLES[name])
  if (titles.includes(undefined)) return undefined
  const rows = container.processes.map((process) => names.map((name) => cell(container, process, name)))
  return { Processes: rows, Titles: titles.filter((title) => title !== undefined) }
}

function table(
  titles: readonly string[],
  container: SimContainer,
  value: (process: SimProcess, title: string) => string,
): TopTable {
  return {
    Processes: container.processes.map((process) => titles.map((title) => value(process, title))),
    Titles: [...titles],
  }
}

function cell(container: SimContainer, process: SimProcess, column: string): string {
  const started = new Date(container.live.startedMs).toISOString().slice(11, 16)
  switch (column.toLowerCase()) {
    case 'uid':
    case 'user':
    case 'euser':
      return process.user
    case 'pid':
      return String(process.pid)
    case 'ppid':
      return String(process.ppid)
    case 'time':
    case 'cputime':
      return clockTime(process.cpuSeconds)
    case 'times':
    case 'cputimes':
      return String(Math.floor(process.cpuSeconds))
    case 'c':
      return String(Math.min(99, Math.round(process.cpuRate * 100)))
    case 'pcpu':
    case '%cpu':
      return (process.cpuRate * 100).toFixed(1)
    case 'stime':
    case 'start':
      return started
    case 'tty':
      return '?'
    case 'stat':
      return 'Ss'
    case 'comm':
      return (process.command.split(' ')[0] ?? '').split('/').at(-1) ?? ''
    case 'cmd':
    case 'args':
    case 'command':
      return process.command
    default:
      return '0'
  }
}

function windowsCell(process: SimProcess, title: string): string {
  switch (title) {
    case 'Name':
      return `${process.command.split(' ')[0]}.exe`
    case 'PID':
      return String(process.pid)
    case 'CPU':
      return `${clockTime(process.cpuSeconds)}.${String(Math.floor((process.cpuSeconds % 1) * 1000)).padStart(3, '0')}`
    default:
      return '212kB'
  }
}

/** CPU seconds as `ps` prints them: [DD-]HH:MM:SS. */
export function clockTime(seconds: number): string {
  const whole = Math.floor(seconds)
  const two = (n: number) => String(n).padStart(2, '0')
  const days = Math.floor(whole / 86_400)
  const time = `${two(Math.floor(whole / 3600) % 24)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`
  return days > 0 ? `${two(days)}-${time}` : time
}
