/**
 * `make bench`: the figures of docs/performance.md, against real sshd and dockerd. Guests: BENCH_GUESTS (100); of the
 * phases of `make bench-scale` at the end BENCH_SCALE (10; 0: none).
 */
import { writeFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { realParts } from '../real/parts.ts'
import { benchFlicker } from './flicker.ts'
import { benchMonitor } from './monitor.ts'
import { benchPlugin } from './plugin.ts'
import { measureScale } from './scale/measure-scale.ts'
import { phaseTable } from './scale/table.ts'

/** One line of the table: a figure, what it may be at most, and how it was taken. */
export interface Figure {
  readonly name: string
  readonly value: number
  readonly unit: string
  readonly limit?: number
}

const guests = Number(process.env['BENCH_GUESTS'] ?? 100)
const scaleGuests = Number(process.env['BENCH_SCALE'] ?? 10)
const idleSeconds = Number(process.env['BENCH_IDLE_S'] ?? 60)

const parts = realParts()
if (!parts.sshd || !parts.dockerd) {
  process.stderr.write(`make bench needs real sshd and dockerd: ${parts.reason ?? 'not available'}\n`)
  process.exit(1)
}
const figures = [...(await benchMonitor({ guests, idleSeconds })), ...(await benchFlicker()), ...(await benchPlugin())]
const machine = `${cpus().length} x ${cpus()[0]?.model ?? '?'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, Node ${process.version}`
process.stdout.write(`\n${machine}\n\n`)
for (const { name, value, unit, limit } of figures) {
  const verdict = limit === undefined ? '' : value <= limit ? `ok (at most ${limit})` : `MISSED (at most ${limit})`
  process.stdout.write(`${name.padEnd(62)} ${value.toFixed(2).padStart(9)} ${unit.padEnd(8)} ${verdict}\n`)
}
const small = { idleSeconds: 15, stormSeconds: 10, rounds: 3, profiles: undefined, phases: '' }
const phases = scaleGuests > 0 ? await measureScale(scaleGuests, small) : []
if (phases.length > 0) process.stdout.write(`\n${scaleGuests} guests\n\n${phaseTable(phases)}`)
writeFileSync('dist/bench.json', JSON.stringify({ machine, guests, figures, phases }, undefined, 2))
await sleep(0)
process.exit(figures.some(({ value, limit }) => limit !== undefined && !(value <= limit)) ? 1 : 0)
