import { PROTOCOL } from '../../control/message.ts'
import { VERSION } from '../version.ts'
import type { HostOperation } from './host-operation.ts'

/** What runs here, as JSON: `{version, protocol, daemon, node, pid, uptime_s}`; pid and uptime are the daemon's, or null. */
export function versionReply(isDaemon: boolean): string {
  return JSON.stringify({
    version: VERSION,
    protocol: PROTOCOL,
    daemon: isDaemon,
    node: process.version,
    pid: isDaemon ? process.pid : null,
    uptime_s: isDaemon ? Math.round(process.uptime()) : null,
  })
}

export const version: HostOperation = {
  name: 'version',
  args: [],

  run({ isDaemon }) {
    return Promise.resolve(versionReply(isDaemon))
  },
}
