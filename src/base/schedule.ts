import { createTask, validate } from 'node-cron'

/** Whether node-cron understands this expression (five fields, or six with seconds first). */
export function isSchedule(expression: string): boolean {
  return validate(expression)
}

/** Calls `tick` by wall-clock time until `signal` aborts. The expression must be valid. */
export function onSchedule(expression: string, tick: () => void, signal: AbortSignal): void {
  if (signal.aborted) return
  const task = createTask(expression, tick)
  void task.start()
  signal.addEventListener('abort', () => void task.destroy(), { once: true })
}
