import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'

const VICTIM = fileURLToPath(new URL('stall-victim.ts', import.meta.url))

/** A process under guard, two seconds without life allowed; and all that it and its guard have said. */
async function start(mode: 'spin' | 'idle') {
  const child = spawn(process.execPath, ['--import', 'tsx', VICTIM, mode], { stdio: ['pipe', 'pipe', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const said = { out: '', err: '' }
  child.stderr.on('data', (chunk: Buffer) => (said.err += chunk.toString()))
  child.stdout.on('data', (chunk: Buffer) => (said.out += chunk.toString()))
  await once(child.stdout, 'data')
  return { child, said }
}

async function signalThatEnded(child: ChildProcess): Promise<unknown> {
  const [, signal] = (await once(child, 'close')) as unknown[]
  return signal
}

/** Processes whose parent this is. */
function childrenOf({ pid }: ChildProcess): string[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
}

test('an event loop that stands still for ever is killed, and the journal is told why', async () => {
  const { child, said } = await start('spin')
  child.stdin.write('\n')
  expect(await signalThatEnded(child)).toBe('SIGKILL')
  expect(said.err).toContain('"msg":"the event loop stood still for 2 s: xscontainer-monitor is killed')
})

test('a process that was stopped is killed', async () => {
  const { child } = await start('idle')
  child.kill('SIGSTOP')
  expect(await signalThatEnded(child)).toBe('SIGKILL')
})

test('a process that works is left alone, and its guard ends with it', async () => {
  const { child, said } = await start('idle')
  const guards = childrenOf(child)
  const guard = guards.find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('xscontainer-guard'))
  expect(guard).toBeDefined()
  // Longer than it could go on without a sign of life.
  await sleep(2600)
  expect(child.signalCode).toBeNull()
  child.kill('SIGTERM')
  // Its standard error is the guard's too: it closes when both have ended.
  expect(await signalThatEnded(child)).toBe('SIGTERM')
  expect(said.err).toBe('')
})
