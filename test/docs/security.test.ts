import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const read = (path: string) => readFileSync(ROOT + path, 'utf8')

/** The rows of tables whose last column names tests. */
const boundaries = read('docs/security.md').split('## Boundaries')[1]!.split('## What the service')[0]!
const rows = boundaries.split('\n').filter((line) => /^\| (?!---|what\b)/.test(line))

/** Files of tests that this text names, as `scenarios/x`, or `documents/*` for a folder. */
function named(text: string): string[] {
  return [...text.matchAll(/`([a-z-]+(?:\/[a-z*-]+)+)`/g)].map(([, name]) => name!)
}

test('every row of the threat model names tests, and all of them are there', () => {
  expect(rows.length).toBeGreaterThan(25)
  expect(rows.filter((row) => named(row.split('|').at(-2)!).length === 0)).toEqual([])
  const missing = named(boundaries).filter(
    (name) =>
      !existsSync(`${ROOT}test/${name}.test.ts`) &&
      !(name.endsWith('/*') && readdirSync(`${ROOT}test/${name.slice(0, -2)}`).length > 0),
  )
  expect(missing).toEqual([])
})

test('the cases of hostile guests that it names are there', () => {
  const sources = ['behaviours', 'behaviours/parts'].flatMap((folder) =>
    readdirSync(`${ROOT}test/sim/guest/${folder}`).map((name) => `test/sim/guest/${folder}/${name}`),
  )
  const text = [...sources.filter((path) => path.endsWith('.ts')), 'test/scenarios/guest-is-hostile.test.ts']
    .map(read)
    .join('\n')
  const cases = [...boundaries.matchAll(/guest-is-hostile` \(([^)]+)\)/g)].flatMap(([, names]) => names!.split(', '))
  expect(cases.length).toBeGreaterThan(12)
  expect(cases.filter((name) => !text.includes(name.replace('\\*', '')))).toEqual([])
})
