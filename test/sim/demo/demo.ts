import { systemClock } from '../../../src/base/clock.ts'
import { CannotRun } from './demo-pool.ts'
import { frame, timeText, type Moment } from './frame.ts'
import type { Play } from './player.ts'
import { runDemo } from './run.ts'
import { Screen } from './screen.ts'
import { styleFor } from './style.ts'
import { summary } from './summary.ts'

const REDRAW_MS = 100
const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

/** `make demo`: a simulated pool, the built daemons, and what a client of XAPI sees of them. The exit code. */
async function main(): Promise<number> {
  const seconds = wholeNumber('DEMO_SECONDS', 30, 10, 600)
  const port = wholeNumber('DEMO_PORT', 42_022, 1024, 65_535)
  const out = process.stdout
  const terminal = out.isTTY && process.env['TERM'] !== 'dumb'
  const style = styleFor(process.env, terminal)
  const stop = new AbortController()
  const ended = { code: 0 }
  const end = (code: number, why: unknown) => {
    // Twice means: at once. What is left then is the user's to remove.
    if (stop.signal.aborted && code > 128) process.exit(code)
    ended.code ||= code
    stop.abort(why)
  }
  for (const [name, code] of Object.entries(SIGNALS)) process.on(name, () => end(code, new Error(name)))
  for (const name of ['uncaughtException', 'unhandledRejection']) process.on(name, (error) => end(1, error))
  // Whoever read our lines has gone, as in `make demo | head`.
  out.on('error', () => end(141, new Error('nobody reads the output')))

  const began = systemClock.monotonic()
  const say = (text: string) => {
    if (!terminal) out.write(`${((systemClock.monotonic() - began) / 1000).toFixed(1).padStart(6)} s  ${text}\n`)
  }
  const shown: { now?: () => Moment } = {}
  const screen = new Screen(out, (width, height) => (shown.now ? frame(shown.now(), width, height, style) : []))
  const redraw = setInterval(() => screen.update(), REDRAW_MS)
  process.on('exit', () => screen.close())
  try {
    const result = await runDemo(
      {
        seconds,
        port,
        onPlay: (play) => say(playText(play)),
        onChange: ({ text }) => say(`    ${text}`),
        onStart: (now) => {
          shown.now = now
          if (terminal) screen.open()
        },
      },
      stop.signal,
    )
    screen.close()
    out.write((terminal ? '' : '\n') + summary(result, style))
    return result.checks.every(({ wrong }) => wrong.length === 0) ? ended.code : 1
  } catch (error) {
    screen.close()
    if (!stop.signal.aborted) throw error
    if (ended.code === 1) throw stop.signal.reason
    if (ended.code !== 141) process.stderr.write('stopped\n')
    return ended.code
  } finally {
    clearInterval(redraw)
  }
}

function playText(play: Play): string {
  return play.tookMs === undefined ? `>   ${play.text}` : `=   ${play.text}: ${timeText(play)}`
}

function wholeNumber(name: string, fallback: number, min: number, max: number): number {
  const text = process.env[name] ?? ''
  if (text === '') return fallback
  const value = Number(text)
  if (Number.isInteger(value) && value >= min && value <= max) return value
  throw new CannotRun(`${name} must be a whole number from ${min} to ${max}, not ${JSON.stringify(text)}`)
}

try {
  process.exit(await main())
} catch (error) {
  const message = error instanceof CannotRun ? error.message : error instanceof Error ? error.stack : String(error)
  process.stderr.write(`demo: ${message}\n`)
  process.exit(1)
}
