import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'

/** What a file imports as soon as it is loaded: neither types nor what it asks for later by import(). */
function importsAtOnce(file: string): string[] {
  const text = readFileSync(file, 'utf8')
  return [...text.matchAll(/^import (?!type )[^;]*?'([^']+)'/gm)].map(([, name = '']) => name)
}

function loadedAtOnce(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen
  seen.add(file)
  for (const name of importsAtOnce(file)) {
    if (name.startsWith('.')) loadedAtOnce(join(dirname(file), name), seen)
    else seen.add(name)
  }
  return seen
}

test('to print a help, or that a word is wrong, nothing large is loaded', () => {
  const loaded = [...loadedAtOnce('src/bin/xscontainer.ts')]
  expect(loaded.length).toBeGreaterThan(8)
  expect(loaded.filter((name) => !name.startsWith('src/') && !name.startsWith('node:'))).toEqual([])
  expect(
    loaded.filter((name) => /^src\/(xapi|transports|engine|monitor|operations|app\/operations)\//.test(name)),
  ).toEqual([])
})
