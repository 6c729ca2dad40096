import { execFileSync } from 'node:child_process'

export interface RunOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Runs a program to its end; what it printed on standard output. Throws when it fails. */
export function run(program: string, args: readonly string[], { cwd, env }: RunOptions = {}): string {
  return execFileSync(program, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, LC_ALL: 'C', TZ: 'UTC', ...env },
    ...(cwd === undefined ? {} : { cwd }),
  })
}

/** As `run`; undefined when the program fails or is not there. */
export function tryRun(program: string, args: readonly string[], options: RunOptions = {}): string | undefined {
  try {
    return run(program, args, options)
  } catch {
    return undefined
  }
}
