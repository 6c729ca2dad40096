import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { SimPool } from './xapi/sim-pool.ts'

/** `make sim`: a simulated pool for trials by hand, until Ctrl-C. */
const { values } = parseArgs({
  options: {
    hosts: { type: 'string', default: '2' },
    vms: { type: 'string', default: '3' },
    dir: { type: 'string' },
  },
})

const dir = values.dir ?? mkdtempSync(join(tmpdir(), 'xapi-'))
const pool = await SimPool.start({ hosts: Number(values.hosts), dir })
for (let i = 0; i < Number(values.vms); i++) {
  const host = pool.hosts[i % pool.hosts.length]
  pool.createVm({ name: `vm-${i + 1}`, ...(host === undefined ? {} : { host }) })
}

const lines = ['A simulated XAPI pool is running; Ctrl-C ends it.', '']
for (const host of pool.hosts) {
  lines.push(`host ${host.index + 1}${host === pool.coordinator ? ' (coordinator)' : ''}: ${host.uuid}`)
  lines.push(`  socket     ${host.socketPath}`)
  lines.push(`  inventory  ${host.inventoryPath}`)
  lines.push(`  plugins    ${host.pluginsDir}/ (executables put here answer host.call_plugin)`)
}
const socket = pool.hosts[0]?.socketPath ?? ''
lines.push(
  '',
  'Talk to it, by XML-RPC on any path or by JSON-RPC on /jsonrpc:',
  `  S=$(curl -s --unix-socket ${socket} http://x/jsonrpc -d '{"jsonrpc":"2.0","id":1,"method":"session.login_with_password","params":["root","","1.0","trial"]}' | sed 's/.*"\\(OpaqueRef:[^"]*\\)".*/\\1/')`,
  `  curl -s --unix-socket ${socket} http://x/jsonrpc -d '{"jsonrpc":"2.0","id":2,"method":"VM.get_all_records","params":["'$S'"]}'`,
  '',
)
process.stdout.write(`${lines.join('\n')}\n`)

const stop = () => {
  void pool.stop().then(() => process.exit(0))
}
process.once('SIGINT', stop)
process.once('SIGTERM', stop)
