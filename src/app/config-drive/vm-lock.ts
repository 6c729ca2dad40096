import { mkdir, open, readFile, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import { TransientError } from '../../base/errors.ts'

/** An upload of a few MiB and some calls; somebody else's may take that long. */
const PATIENCE_MS = 2 * 60_000
const LOOK_AGAIN_MS = 200
/** Process numbers come round again: nobody works for longer. */
const STALE_MS = 60 * 60_000

/**
 * Does `work` while no other process of this host, nor other work of this one, does the same for this VM. `dir` is made
 * when it is missing; where that cannot be, nobody waits for anybody. Each VM's file names the process that has it.
 */
export async function whileAlone<T>(
  clock: Clock,
  dir: string,
  vmUuid: string,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  const path = join(dir, vmUuid)
  await mkdir(dir, { recursive: true, mode: 0o700 }).catch(() => undefined)
  const end = clock.monotonic() + PATIENCE_MS
  let mine = await take(clock, path)
  while (mine === 'taken') {
    if (clock.monotonic() > end) throw busy(vmUuid)
    await clock.sleep(LOOK_AGAIN_MS, signal)
    mine = await take(clock, path)
  }
  try {
    return await work()
  } finally {
    if (mine === 'mine') await unlink(path).catch(() => undefined)
  }
}

async function take(clock: Clock, path: string): Promise<'mine' | 'taken' | 'impossible'> {
  try {
    const file = await open(path, 'wx', 0o600)
    await file.writeFile(String(process.pid)).finally(() => file.close())
    return 'mine'
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return 'impossible'
    if (await isStale(clock, path)) await unlink(path).catch(() => undefined)
    return 'taken'
  }
}

/** Its owner has ended, or has had it for too long. */
async function isStale(clock: Clock, path: string): Promise<boolean> {
  try {
    const [text, { mtimeMs }] = await Promise.all([readFile(path, 'utf8'), stat(path)])
    const age = Math.abs(clock.now() - mtimeMs)
    // Not written yet: its owner is about to.
    return text === '' ? age > 1000 : age > STALE_MS || !runs(Number(text))
  } catch {
    return false
  }
}

function runs(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function busy(vmUuid: string): TransientError {
  return new TransientError({
    kind: 'busy',
    cause: `Another config drive is being made for VM ${vmUuid}`,
    cure: 'Try again when that is done',
  })
}
