/**
 * `make bench-scale N=1000`: a daemon with N guests through everything that happens to a host; tables on standard
 * output, dist/bench-scale-N.json beside them. As root, alone on the machine. IDLE_S (120), STORM_S (60), ROUNDS (100):
 * length of phases. PHASES: only those whose name has this text. PROFILES: a folder for CPU profiles and a heap snapshot.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { realParts } from '../../real/parts.ts'
import { measureScale } from './measure-scale.ts'
import { phaseTable, verdicts, verdictTable } from './table.ts'

/** The monitor's own default (src/app/config.ts). */
const HANDSHAKES = 8

const env = (name: string, fallback: number) => Number(process.env[name] ?? fallback)
const n = env('N', 100)
const profiles = process.env['PROFILES']
const parts = realParts()
if (!parts.sshd || !parts.dockerd) {
  process.stderr.write(`bench-scale needs real sshd and dockerd: ${parts.reason ?? 'not available'}\n`)
  process.exit(1)
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
if (profiles !== undefined) mkdirSync(profiles, { recursive: true })
const figures = await measureScale(n, {
  idleSeconds: env('IDLE_S', 120),
  stormSeconds: env('STORM_S', 60),
  rounds: env('ROUNDS', 100),
  profiles,
  phases: process.env['PHASES'] ?? '',
})
const machine = `${cpus().length} x ${cpus()[0]?.model ?? '?'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, Node ${process.version}`
const judged = verdicts(figures, HANDSHAKES)
process.stdout.write(`\n${n} guests; ${machine}\n\n${phaseTable(figures)}\n${verdictTable(judged)}`)
writeFileSync(`dist/bench-scale-${n}.json`, JSON.stringify({ machine, n, figures, verdicts: judged }, undefined, 2))
process.exit(0)
