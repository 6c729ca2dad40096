import { setMaxListeners } from 'node:events'
import { abortReason, type Clock } from './clock.ts'
import { DeadlineError, type Diagnosis } from './errors.ts'

/**
 * Runs `work` with a signal that aborts after `ms` or with `parent`, whichever is first, and settles at that moment
 * even if the work ignores its signal. Leaves no timer and no listener behind (AbortSignal.any and .timeout do:
 * nodejs/node issue 54614).
 */
export function within<T>(
  clock: Pick<Clock, 'after'>,
  ms: number,
  parent: AbortSignal,
  late: Diagnosis,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  let cancel: () => void = () => undefined
  const result = linked(parent, (signal, abort) => {
    cancel = clock.after(ms, () => abort(new DeadlineError(late)))
    return work(signal)
  })
  return result.finally(() => cancel())
}

/**
 * Runs `work` with a signal of its own that aborts with `parent`; `abort` aborts it alone. Settles at the abort even
 * if the work does not, and takes its listener off the parent.
 */
export function linked<T>(
  parent: AbortSignal,
  work: (signal: AbortSignal, abort: (reason: Error) => void) => Promise<T>,
): Promise<T> {
  if (parent.aborted) return Promise.reject(abortReason(parent))
  const controller = new AbortController()
  let onParent: () => void = () => undefined
  const result = new Promise<T>((resolve, reject) => {
    const abort = (reason: Error) => {
      controller.abort(reason)
      reject(reason)
    }
    onParent = () => abort(abortReason(parent))
    // As many as there is work under one signal: Node takes more than ten listeners for a leak, and says so.
    setMaxListeners(0, parent)
    parent.addEventListener('abort', onParent, { once: true })
    work(controller.signal, abort).then(resolve, reject)
  })
  return result.finally(() => parent.removeEventListener('abort', onParent))
}
