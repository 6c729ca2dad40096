import { spawn, type ChildProcess } from 'node:child_process'
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'

/** Three signs of life in each of the two spans that may pass without any. */
const BEATS_PER_SPAN = 3
/** A guard that ended is replaced after this, milliseconds: the cause may still be there. */
const REPLACE_MS = 60_000

/**
 * What the guard runs: a line within the span, or it looks once more, then kills. Two spans: when the whole machine
 * stood still, both of us wake up late and the first look proves nothing. End of input: the daemon has ended.
 */
const SCRIPT = `
missed=0
while :; do
  read -r -t "$2" _
  case $? in
    0) missed=0; continue ;;
    1) exit 0 ;;
  esac
  missed=$((missed + 1))
  [ "$missed" -ge 2 ] || continue
  echo "{\\"level\\":\\"fatal\\",\\"msg\\":\\"the event loop stood still for $3 s: xscontainer-monitor is killed, to be started anew\\"}" >&2
  kill -KILL "$1"
  exit 1
done`

export interface GuardDeps {
  readonly clock: Clock
  readonly log: Log
}

/**
 * Has this process killed when its event loop stands still for `seconds`, whatever the cause: an endless loop, a stopped
 * process, a system call that does not return. systemd starts it anew then. The guard is a shell that waits for lines
 * from us: systemd's own watchdog wants datagrams, which Node cannot send, and a short-lived systemd-notify races
 * with old systemd. Ends with `signal`, or when this process ends.
 */
export function guardAgainstStalls(seconds: number, { clock, log }: GuardDeps, signal: AbortSignal): void {
  const spanMs = (seconds * 1000) / 2
  let guard: ChildProcess | undefined
  let cancel: () => void = () => undefined
  const start = () => {
    // Input that is a socket makes bash think that rshd has started it: it would read root's .bashrc.
    const args = [
      '--norc',
      '-c',
      SCRIPT,
      'xscontainer-guard',
      String(process.pid),
      String(spanMs / 1000),
      String(seconds),
    ]
    guard = spawn('/bin/bash', args, { stdio: ['pipe', 'ignore', 'inherit'], env: { PATH: '/usr/bin:/bin' } })
    guard.on('error', (err) => log.warn({ err }, 'cannot start the guard against a stalled event loop'))
    guard.stdin?.on('error', () => undefined)
    guard.once('close', () => {
      guard = undefined
      if (signal.aborted) return
      log.warn('the guard against a stalled event loop has ended; it is replaced in a minute')
      clock.after(REPLACE_MS, () => signal.aborted || start())
    })
    guard.unref()
  }
  const beat = () => {
    guard?.stdin?.write('\n')
    cancel = clock.after(spanMs / BEATS_PER_SPAN, beat)
  }
  start()
  beat()
  signal.addEventListener('abort', () => {
    cancel()
    guard?.stdin?.end()
  })
}
