/**
 * `make audit`: asks the registry whether faults are known in what ships. Fails when there are; says so, and does not fail,
 * where the registry gives no answer: a mirror may know packages only.
 */
import { spawnSync } from 'node:child_process'

interface Report {
  readonly metadata?: { readonly vulnerabilities?: Readonly<Record<string, number>> }
  readonly vulnerabilities?: Readonly<Record<string, { readonly severity: string }>>
}

const { stdout, stderr } = spawnSync('npm', ['audit', '--omit=dev', '--json'], { encoding: 'utf8', timeout: 60_000 })
const { metadata, vulnerabilities = {} } = read(stdout)
const total = metadata?.vulnerabilities?.['total']
if (total === undefined) {
  const why = /E?\d{3} [A-Z][\w ]+|ETIMEDOUT|ECONNREFUSED|ENOTFOUND/.exec(stdout + stderr)?.[0] ?? 'no answer'
  process.stderr.write(`\n*** NOT ASKED: the registry does not tell of known faults (${why})\n\n`)
} else {
  for (const [name, { severity }] of Object.entries(vulnerabilities)) console.log(`${name}: ${severity}`)
  console.log(`known faults in what ships: ${total}`)
  process.exitCode = total > 0 ? 1 : 0
}

function read(text: string): Report {
  try {
    return JSON.parse(text) as Report
  } catch {
    return {}
  }
}
