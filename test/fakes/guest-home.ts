import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'

/** A folder of its own for each test, or for all of a file; gone afterwards. */
export function useFolder(prefix: string, each = true): { readonly path: string } {
  const folder = { path: '' }
  const make = () => void (folder.path = mkdtempSync(join(tmpdir(), prefix)))
  const remove = () => rmSync(folder.path, { recursive: true, force: true })
  if (each) {
    beforeEach(make)
    afterEach(remove)
  } else {
    beforeAll(make)
    afterAll(remove)
  }
  return folder
}

/** Those of these command lines of shells that this machine has; a line that nobody overlooks names the others. */
export function shellsHere<T extends string>(wanted: readonly T[]): T[] {
  const isHere = (shell: T) => spawnSync(shell.split(' ')[0]!, ['-c', ':']).error === undefined
  const here = wanted.filter(isHere)
  const missing = wanted.filter((shell) => !here.includes(shell))
  if (missing.length > 0) process.stderr.write(`\n*** NOT RUN: in ${missing.join(', ')}: not installed here\n\n`)
  return here
}

/** Runs a program of a guest's user, with nothing of this process's environment. */
export function runAtHome(
  home: string,
  [program = 'sh', ...args]: readonly string[],
  { input = '', env = {} }: { readonly input?: string; readonly env?: Readonly<Record<string, string>> } = {},
) {
  const all = { HOME: home, PATH: process.env['PATH'], ...env }
  const { stdout, stderr, status } = spawnSync(program, args, { input, env: all, encoding: 'utf8' })
  return { stdout, stderr, exitCode: status ?? undefined }
}
