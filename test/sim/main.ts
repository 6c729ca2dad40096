import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

import { SimPool } from './xapi/sim-pool.ts'
import { startTrialGuests, TRIAL_SSH_PORT, writeTrialConfigs } from './xapi/trial-guests.ts'

/** `make sim`: a simulated pool with some guests for trials by hand, until Ctrl-C. */
const { values } = parseArgs({
  options: {
    hosts: { type: 'string', default: '2' },
    guests: { type: 'string', default: '3' },
    /** Where the hosts' files go; a new directory unless given. */
    dir: { type: 'string' },
  },
})

const pool = await SimPool.start({
  hosts: Number(values.hosts),
  dir: resolve(values.dir ?? mkdtempSync(join(tmpdir(), 'xapi-'))),
})
const fleet = await startTrialGuests(pool, Number(values.guests))
const configs = await writeTrialConfigs(pool)
process.stdout.write(`${introduction().join('\n')}\n`)

const stop = () => {
  void Promise.all([fleet.stopAll(), pool.stop()]).then(() => process.exit(0))
}
process.once('SIGINT', stop)
process.once('SIGTERM', stop)

function introduction(): string[] {
  const hosts = pool.hosts.flatMap((host, i) => [
    `host ${i + 1}${host === pool.coordinator ? ' (coordinator)' : ''}: ${host.uuid}`,
    `  socket     ${host.socketPath}`,
    `  inventory  ${host.inventoryPath}`,
    `  plugins    ${host.pluginsDir}/  executables put here answer host.call_plugin`,
    `  config     ${configs[i] ?? ''}  for a daemon: xscontainer-monitor --config FILE`,
  ])
  const socket = pool.hosts[0]?.socketPath ?? ''
  const post = (method: string, params: string) =>
    `curl -s --unix-socket ${socket} http://xapi/jsonrpc -d '{"jsonrpc":"2.0","id":1,"method":"${method}","params":[${params}]}'`
  return [
    'A simulated XAPI pool is running; Ctrl-C ends it.',
    '',
    ...hosts,
    '',
    `guests: ${values.guests}, monitored VMs at 127.1.0.1 and up, ssh port ${TRIAL_SSH_PORT}, user core, the pool's key`,
    '',
    'Talk to it by XML-RPC on any path, or by JSON-RPC on /jsonrpc:',
    `  S=$(${post('session.login_with_password', '"root","","1.0","trial"')} | grep -o 'OpaqueRef:[^"]*')`,
    `  ${post('VM.get_all_records', `"'$S'"`)}`,
    `  ${post('event.from', `"'$S'",["VM"],"",30`)}`,
  ]
}
