import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/**
 * Every property test for a longer time: FUZZ_MINUTES (5) of wall time shared among them, FUZZ_SEED to try the same
 * inputs again. Arguments narrow down the files, as vitest's do. Ends as vitest ends; a failure is told with its input.
 */
const minutes = Number(process.env['FUZZ_MINUTES'] ?? 5)
if (!(minutes > 0)) throw new Error('FUZZ_MINUTES is a number of minutes')
const wanted = process.argv.slice(2)
const all = readdirSync('test', { recursive: true, encoding: 'utf8' }).map((file) => `test/${file}`)
const files = all.filter((file) => file.endsWith('.test.ts') && wanted.every((word) => file.includes(word)))
const properties = new Map(
  files.flatMap((file): [string, number][] => {
    const count = readFileSync(file, 'utf8').match(/\bholds\(/g)?.length ?? 0
    return count === 0 ? [] : [[file, count]]
  }),
)
const total = [...properties.values()].reduce((sum, count) => sum + count, 0)
if (total === 0) throw new Error(`no property tests in ${files.join(' ') || 'no files'}`)

const WORKERS = 2
const ms = Math.round((minutes * 60_000 * WORKERS) / total)
console.log(`${total} properties in ${properties.size} files, ${(ms / 1000).toFixed(1)} s each`)
const { status } = spawnSync(
  process.execPath,
  [
    ...['node_modules/vitest/vitest.mjs', 'run', `--maxWorkers=${WORKERS}`],
    // Properties of one test come one after the other.
    ...[`--testTimeout=${ms * 6 + 60_000}`, '--reporter=dot', ...properties.keys()],
  ],
  { stdio: 'inherit', env: { ...process.env, FUZZ_MS: String(ms) } },
)
process.exitCode = status ?? 1
