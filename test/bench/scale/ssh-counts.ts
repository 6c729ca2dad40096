import { readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Fleet } from './fleet.ts'

/** What daemons asked of the guests since the start. */
export interface SshCounts {
  /** TCP connections to sshd, and those that logged in, over all guests. */
  readonly connections: number
  readonly logins: number
  /** Commands that were run over SSH, over all guests. */
  readonly commands: number
  /** Channels and requests to the engine of the simulated guests only: the real ones do not count them. */
  readonly simulatedChannels: number
  readonly simulatedTops: number
  readonly simulatedRequests: number
}

/** From what sshd logs (LogLevel VERBOSE) and what the simulated guests count. */
export async function sshCounts(fleet: Fleet): Promise<SshCounts> {
  const logs = [fleet.shared, fleet.alone].map(({ guest }) => sshdLogs(guest.path('log')))
  const count = (pattern: RegExp) => logs.reduce((sum, log) => sum + (log.match(pattern)?.length ?? 0), 0)
  const sum = { connections: 0, channels: 0, execs: 0, tops: 0, requests: 0 }
  for (const name of fleet.simulatedNames) {
    const { counters, requests } = await fleet.simulated.call('report', name)
    sum.connections += counters.connections
    sum.channels += counters.channelsOpened
    sum.execs += counters.execs
    for (const [request, times] of Object.entries(requests)) {
      sum.requests += times
      if (/\/top/.test(request)) sum.tops += times
    }
  }
  return {
    connections: count(/^Connection from /gm) + sum.connections,
    logins: count(/^Accepted publickey /gm) + sum.connections,
    commands: count(/^Starting session: /gm) + sum.execs,
    simulatedChannels: sum.channels,
    simulatedTops: sum.tops,
    simulatedRequests: sum.requests,
  }
}

function sshdLogs(dir: string): string {
  const names = readdirSync(dir).filter((name) => /^sshd-\d+\.log$/.test(name))
  return names.map((name) => readFileSync(`${dir}/${name}`, 'utf8')).join('\n')
}

/** How many connections to real sshds have not logged in yet: each has one process of this name until then. */
export function handshakesNow(fleet: Fleet): number {
  return sshdPids(fleet, /^sshd: .*\[net\]/).length
}

/** Host pids of the processes of the shared guests' sshd that each hold one connection; it breaks when one ends. */
export function connectionPids(fleet: Fleet): number[] {
  return sshdPids(fleet, /^sshd: core(@\w+)?[\0 ]*$/)
}

/** Of our guests only: other tests may run on this machine. */
function sshdPids(fleet: Fleet, command: RegExp): number[] {
  const ours = [fleet.shared, fleet.alone].map(({ guest }) => readlinkSync(`${dirname(guest.inside(''))}/ns/pid`))
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid) && command.test(commandOf(pid)) && ours.includes(namespaceOf(pid)))
    .map(Number)
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1')
  } catch {
    return ''
  }
}

function namespaceOf(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`)
  } catch {
    return ''
  }
}
