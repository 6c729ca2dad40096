/**
 * Loaded into the daemon before its own code (NODE_OPTIONS=--import=..): answers on the socket XSC_PROBE how late the
 * event loop was, how large the heap is, and takes profiles. Each connection sends one line: a word, and a file name
 * where it writes one. Costs nothing while nobody watches.
 */
import { rmSync, writeFileSync } from 'node:fs'
import { Session } from 'node:inspector/promises'
import { createServer, type Socket } from 'node:net'
import { writeHeapSnapshot } from 'node:v8'

const STEP_MS = 10
/** How late, in milliseconds, by bins of one; the last takes all the rest. */
const BINS = 20_000
const bins = { wall: new Uint32Array(BINS), own: new Uint32Array(BINS) }
let timer: NodeJS.Timeout | undefined
let session: Session | undefined

function watch(): void {
  bins.wall.fill(0)
  bins.own.fill(0)
  let [due, cpu] = [performance.now() + STEP_MS, process.cpuUsage()]
  const tick = () => {
    const late = Math.max(0, performance.now() - due)
    const used = process.cpuUsage(cpu)
    // On a busy machine a process waits for its turn: what it has not computed itself is no stall of its own.
    const busy = Math.min(late, (used.user + used.system) / 1000)
    count(bins.wall, late)
    count(bins.own, busy)
    due = performance.now() + STEP_MS
    cpu = process.cpuUsage()
    timer = setTimeout(tick, STEP_MS).unref()
  }
  clearTimeout(timer)
  timer = setTimeout(tick, STEP_MS).unref()
}

function count(into: Uint32Array, ms: number): void {
  const bin = Math.min(BINS - 1, Math.floor(ms))
  into[bin] = (into[bin] ?? 0) + 1
}

function summary(from: Uint32Array) {
  const samples = from.reduce((a, b) => a + b, 0)
  let [seen, p99, max] = [0, 0, 0]
  for (const [ms, times] of from.entries()) {
    if (times === 0) continue
    if (seen < samples * 0.99) p99 = ms
    seen += times
    max = ms
  }
  return { samples, p99, max }
}

const ACTS: Readonly<Record<string, (file: string) => unknown>> = {
  watch,
  read() {
    clearTimeout(timer)
    return { wall: summary(bins.wall), own: summary(bins.own) }
  },
  memory: () => process.memoryUsage(),
  async 'cpu-start'() {
    session = new Session()
    session.connect()
    await session.post('Profiler.enable')
    await session.post('Profiler.setSamplingInterval', { interval: 500 })
    await session.post('Profiler.start')
  },
  async 'cpu-stop'(file) {
    const result = await session?.post('Profiler.stop')
    writeFileSync(file, JSON.stringify(result?.profile))
    session?.disconnect()
  },
  snapshot: (file) => writeHeapSnapshot(file),
}

async function answer(socket: Socket, line: string): Promise<void> {
  const [word = '', file = ''] = line.trim().split(' ')
  try {
    socket.end(JSON.stringify((await ACTS[word]?.(file)) ?? null))
  } catch (error) {
    socket.end(JSON.stringify({ error: String(error) }))
  }
}

const path = process.env['XSC_PROBE'] ?? ''
rmSync(path, { force: true })
createServer((socket) => {
  socket.on('error', () => undefined)
  socket.once('data', (data) => void answer(socket, data.toString()))
})
  .listen(path)
  .unref()
