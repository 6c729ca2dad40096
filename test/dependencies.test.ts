import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

test('docs/dependencies.md lists the packages of which something is in the programs, and no other', () => {
  const table = readFileSync('docs/dependencies.md', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
  const listed = table.flatMap((line) => [...line.split('|')[1]!.matchAll(/`([^`]+)`/g)].map((match) => match[1]))
  expect(listed.sort()).toEqual(JSON.parse(readFileSync('dist/packages.json', 'utf8')))
})
