import { readFileSync } from 'node:fs'

/** Whether a process was stopped in its tracks (SIGSTOP). */
export function isFrozen(pid: number | undefined): boolean {
  try {
    return /^State:\s+T/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}
