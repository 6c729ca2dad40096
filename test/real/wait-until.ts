import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Asks `probe` again and again until it gives something other than undefined or false, and gives that. Rejects after
 * `ms` with what was awaited and, if the probe threw, its last error.
 */
export async function waitUntil<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  ms = 20_000,
): Promise<T> {
  const end = performance.now() + ms
  let last: unknown
  do {
    try {
      const value = await probe()
      if (value !== undefined && value !== false) return value
      last = undefined
    } catch (error) {
      last = error
    }
    await sleep(30)
  } while (performance.now() < end)
  throw new Error(`waited ${ms} ms in vain for: ${what}`, last === undefined ? {} : { cause: last })
}
