import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'

import { SimPool } from './sim-pool.ts'
import { verbsOf } from './sim-verbs.ts'

/**
 * A simulated pool in a process of its own. Reads one JSON object per line, {"id": 1, "verb": "createVm", "args": [..]},
 * and answers each with a line {"id": 1, "result": ..} or {"id": 1, "error": ".."}; sim-verbs.ts lists the verbs. The
 * first line it writes, with id 0, tells that the sockets are there. Ends when its input does.
 */
const { values } = parseArgs({
  options: {
    hosts: { type: 'string', default: '2' },
    /** So many running VMs, spread over the hosts. */
    vms: { type: 'string', default: '0' },
    dir: { type: 'string' },
    /** key=value in other_config of each of them. */
    'other-config': { type: 'string', multiple: true, default: [] },
  },
})
if (values.dir === undefined) throw new Error('--dir is required')

const pool = await SimPool.start({ hosts: Number(values.hosts), dir: values.dir })
const otherConfig = Object.fromEntries(
  values['other-config'].map((pair) => pair.split(/=(.*)/s, 2) as [string, string]),
)
for (let i = 0; i < Number(values.vms); i++) {
  const host = pool.hosts[i % pool.hosts.length]
  pool.createVm({ name: `vm-${i + 1}`, otherConfig, ...(host === undefined ? {} : { host }) })
}

const verbs = verbsOf(pool) as unknown as Readonly<Record<string, (...args: unknown[]) => unknown>>
say({ id: 0, result: verbs.hosts?.() })
for await (const line of createInterface({ input: process.stdin })) void obey(line)
await pool.stop()
process.exit(0)

async function obey(line: string): Promise<void> {
  const { id, verb, args } = JSON.parse(line) as { id: number; verb: string; args: unknown[] }
  try {
    const action = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined
    if (action === undefined) throw new Error(`unknown verb ${verb}`)
    say({ id, result: (await action(...args)) ?? null })
  } catch (error) {
    say({ id, error: String(error) })
  }
}

function say(answer: unknown): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
