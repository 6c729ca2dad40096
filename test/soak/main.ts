import { randomInt } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { realParts } from '../real/parts.ts'
import { Soak } from './soak.ts'

/**
 * The built daemons of two hosts for SOAK_MINUTES (20) among faults, with SOAK_GUESTS (50) simulated guests,
 * SOAK_REAL_GUESTS (2) with a real sshd and dockerd in network namespaces of their own, and the faults that SOAK_SEED
 * (random, printed) chooses. Prints what was injected and how long recovery took, also into dist/soak.json;
 * fails at the first thing that is not as it must be.
 */
const number = (name: string, fallback: number) => Number(process.env[name] ?? fallback)
const seed = number('SOAK_SEED', randomInt(2 ** 31))
const [minutes, guests, wanted] = [number('SOAK_MINUTES', 20), number('SOAK_GUESTS', 50), number('SOAK_REAL_GUESTS', 2)]
if (!(minutes > 0 && guests >= 4 && wanted >= 0 && seed >= 0))
  throw new Error('SOAK_MINUTES, SOAK_GUESTS, SOAK_REAL_GUESTS and SOAK_SEED are numbers')
const parts = realParts()
const realGuests = parts.sshd && parts.dockerd ? wanted : 0
if (realGuests < wanted)
  console.log(`\n*** NOT INJECTED: faults of real guests: ${parts.reason ?? 'no real sshd and dockerd here'}\n`)

const say = (line: string) => console.log(`${new Date().toISOString().slice(11, 19)} ${line}`)
say(`seed ${seed}, ${minutes} minutes, ${guests} simulated and ${realGuests} real guests on two hosts`)
const wish = {
  seed,
  guests,
  realGuests,
  seconds: minutes * 60,
  roundSeconds: 60,
  longestMs: 30_000,
  everyMs: 600,
  boundS: 120,
  say,
}
const report = await Soak.run(wish)

const count = (counts: typeof report.injected) => Object.values(counts).reduce((sum, n) => sum + n, 0)
console.log(`\n| fault | injected |\n| --- | --- |`)
for (const [fault, times] of Object.entries(report.injected).sort()) console.log(`| ${fault} | ${times} |`)
console.log(`| all | ${count(report.injected)}, and ${count(report.leftOut)} left out |`)
const recoveries = report.recoveriesMs.toSorted((a, b) => a - b)
console.log(
  `\nrounds ${recoveries.length}; seconds until all was right: median ${inSeconds(recoveries[recoveries.length >> 1])}, worst ${inSeconds(recoveries.at(-1))}`,
)
console.log(
  `container changes ${report.containerChanges}, foreign writes ${report.foreignWrites}, starts of a daemon ${report.daemonStarts}, most memory ${report.mostRssMb} MB`,
)
mkdirSync('dist', { recursive: true })
writeFileSync('dist/soak.json', `${JSON.stringify(report, null, 2)}\n`)
process.exit(0)

function inSeconds(ms = Number.NaN): string {
  return (ms / 1000).toFixed(1)
}
