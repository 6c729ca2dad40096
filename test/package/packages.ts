import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

export const PACKAGES = join(process.cwd(), 'dist/packages')

/** Paths of the built packages, in the order in which they need each other. */
export const RUNTIME = rpmFile(/^xscontainer-runtime-/)
export const PROGRAMS = rpmFile(/^xscontainer-\d/)
export const UPDATE = rpmFile(/^update-xscontainer-/)
export const ALL = [RUNTIME, PROGRAMS, UPDATE]

function rpmFile(name: RegExp): string {
  const found = readdirSync(join(PACKAGES, 'RPMS')).filter((file) => name.test(file))
  if (found.length !== 1) throw new Error(`${found.length} packages match ${String(name)}: run make pack first`)
  return join(PACKAGES, 'RPMS', found[0]!)
}

/** Runs a program; all that it printed. Throws when it fails. */
export function run(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): string {
  return execFileSync(program, args, {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 64 * 1024 * 1024,
  })
}

/** What rpm tells of a package file, line by line. */
export function ask(file: string, ...query: readonly string[]): string[] {
  return run('rpm', ['-qp', '--nosignature', ...query, file])
    .trimEnd()
    .split('\n')
}
