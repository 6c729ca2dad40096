import { createTask, validate } from 'node-cron'

/** The clock is looked at this often, at least: it may be set at any time, and timers do not follow it. */
const LONGEST_WAIT_MS = 30_000

/** Whether node-cron understands this expression (five fields, or six with seconds first). */
export function isSchedule(expression: string): boolean {
  return validate(expression)
}

/**
 * Calls `tick` by wall-clock time until `signal` aborts. The expression must be valid. However far the clock is set, at
 * most one tick is made up for what was missed. node-cron says when, but its own timers are not used: they sleep until
 * a clock that was set back is there again, and go through every single time that one set forward has left out.
 */
export function onSchedule(expression: string, tick: () => void, signal: AbortSignal): void {
  if (signal.aborted) return
  const task = createTask(expression, () => undefined)
  const nextAfterNow = () => task.getNextRuns(1)[0]?.getTime() ?? Infinity
  let due = nextAfterNow()
  let timer: NodeJS.Timeout
  const wait = () => {
    timer = setTimeout(look, Math.min(Math.max(due - Date.now(), 1), LONGEST_WAIT_MS))
  }
  const look = () => {
    const reached = Date.now() >= due
    due = nextAfterNow()
    wait()
    if (reached) tick()
  }
  wait()
  const end = () => {
    clearTimeout(timer)
    void task.destroy()
  }
  signal.addEventListener('abort', end, { once: true })
}
