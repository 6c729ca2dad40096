import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const DEMO = fileURLToPath(new URL('./demo.ts', import.meta.url))
/** Ports of its own for each test process, away from the demo's default. */
const PORT = 43_000 + (process.pid % 1000)

/** The demo's temporary files go here, which also marks its processes. */
let dir: string
let child: ChildProcess | undefined
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'demo-'))
  child = undefined
})
afterEach(() => {
  child?.kill('SIGKILL')
  for (const pid of ourProcesses()) process.kill(Number(pid), 'SIGKILL')
  rmSync(dir, { recursive: true, force: true })
})

/** Starts the demo with its output in pipes, so not on a terminal. */
function startDemo(env: Readonly<Record<string, string>>) {
  const started = spawn(process.execPath, ['--import', 'tsx', DEMO], {
    cwd: ROOT,
    env: { ...process.env, TMPDIR: dir, DEMO_PORT: String(PORT), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  child = started
  const output = { out: '', err: '' }
  started.stdout.on('data', (chunk: Buffer) => (output.out += chunk.toString()))
  started.stderr.on('data', (chunk: Buffer) => (output.err += chunk.toString()))
  const ended = once(started, 'close').then(([code]) => ({ ...output, code: code as number | null }))
  return { ended, started, output }
}

/** What is left of a demo: processes that were given a path in its folder, and what is in that folder. */
function leftovers(): string[] {
  // tsx keeps what it has compiled there.
  const files = readdirSync(dir).filter((name) => !name.startsWith('tsx-'))
  return [...ourProcesses().map(commandOf), ...files]
}

function ourProcesses(): string[] {
  return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && commandOf(pid).includes(dir))
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}

test('a short demo that is not on a terminal says what changes, sums up and leaves nothing', async () => {
  const { code, out, err } = await startDemo({ DEMO_SECONDS: '10' }).ended
  expect(code, out + err).toBe(0)
  expect(err).toBe('')
  expect(out).not.toContain('\x1b')
  for (const line of [
    /> +web-01 migrates to host-2\n/,
    / +web-01 +is on host-2 now\n/,
    / +ci-runner +build-1841: Up, node:22\n/,
    / +web-01 +shop: Up \(Paused\)\n/,
    /= +db-01 is rebooted and comes back: in XAPI after \d+\.\d\d s\n/,
    /\nContainers: 6 changes, in XAPI after /,
    /\nXAPI writes: [1-9]\d* /,
    /\nAll 11 checks passed\.\n$/,
  ]) {
    expect(out).toMatch(line)
  }
  expect(out).not.toContain('✗')
  expect(leftovers()).toEqual([])
}, 120_000)

test('the whole story passes its own checks: a grace that ends with a message, a guest registered twice', async () => {
  const { code, out, err } = await startDemo({ DEMO_SECONDS: '20' }).ended
  expect(code, out + err).toBe(0)
  for (const line of [
    /= +db-01: grace over, list withdrawn, message sent: in XAPI after \d+\.\d\d s\n/,
    /= +mail-01 gets the key and is registered again: in XAPI after \d+\.\d\d s\n/,
    /= +web-01: shop calms down: in XAPI after \d+\.\d\d s\n/,
    /\nAll 11 checks passed\.\n$/,
  ]) {
    expect(out).toMatch(line)
  }
  expect(leftovers()).toEqual([])
}, 120_000)

test('Ctrl-C in the middle ends everything', async () => {
  const { ended, started, output } = startDemo({ DEMO_SECONDS: '600' })
  await new Promise<void>((resolve) => {
    started.stdout.on('data', () => output.out.includes('web-01        monitored') && resolve())
    started.once('close', () => resolve())
  })
  expect(leftovers().filter((line) => line.includes('xscontainer-monitor'))).toHaveLength(2)
  started.kill('SIGINT')
  const { code, err } = await ended
  expect(code).toBe(130)
  expect(err).toBe('stopped\n')
  expect(leftovers()).toEqual([])
}, 120_000)

test('a port in use is named, with what to do', async () => {
  const server = createServer().listen(PORT, '0.0.0.0')
  await once(server, 'listening')
  const { code, out, err } = await startDemo({}).ended
  server.close()
  expect(err).toBe(`demo: port ${PORT} is in use: end what listens there, or choose another one with DEMO_PORT=\n`)
  expect([code, out, leftovers()]).toEqual([1, '', []])
})

test('a length that makes no sense is refused', async () => {
  const { code, err } = await startDemo({ DEMO_SECONDS: '9.5' }).ended
  expect(err).toBe('demo: DEMO_SECONDS must be a whole number from 10 to 600, not "9.5"\n')
  expect(code).toBe(1)
})
