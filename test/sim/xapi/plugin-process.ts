import { spawn } from 'node:child_process'
import { mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface PluginOutcome {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: Buffer
  readonly stderr: Buffer
}

/** All a plugin's process gets of an environment. */
const PATH = '/sbin:/usr/sbin:/bin:/usr/bin'

/**
 * Runs a plugin to its end, however long it takes. Its output goes to files, so that a child which it leaves behind
 * with open streams does not delay the answer. Undefined: it could not be started.
 */
export async function runPlugin(
  file: string,
  argument: string,
  env: Readonly<Record<string, string>>,
): Promise<PluginOutcome | undefined> {
  const dir = await mkdtemp(join(tmpdir(), 'sim-plugin-'))
  try {
    const out = await open(join(dir, 'stdout'), 'w')
    const err = await open(join(dir, 'stderr'), 'w')
    const end = await start(file, argument, env, out.fd, err.fd).finally(() => Promise.all([out.close(), err.close()]))
    if (end === undefined) return undefined
    return { ...end, stdout: await readFile(join(dir, 'stdout')), stderr: await readFile(join(dir, 'stderr')) }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

async function start(file: string, argument: string, env: Readonly<Record<string, string>>, out: number, err: number) {
  return new Promise<Pick<PluginOutcome, 'code' | 'signal'> | undefined>((resolve) => {
    try {
      const child = spawn(file, [argument], { cwd: '/', env: { PATH, ...env }, stdio: ['ignore', out, err] })
      child.once('error', () => resolve(undefined))
      child.once('exit', (code, signal) => resolve({ code, signal }))
    } catch {
      resolve(undefined)
    }
  })
}
