import { RefusedError } from '../base/errors.ts'

/**
 * Why this program must not go on as the user that it runs as; undefined: it may. Everything that it needs (XAPI's
 * socket, the monitor's, the log) is root's alone, and would fail one by one with less clear words. `uid`: the effective
 * one, undefined where the system has none.
 */
export function notRoot(program: string, uid: number | undefined): RefusedError | undefined {
  if (uid === undefined || uid === 0) return undefined
  return new RefusedError({
    kind: 'not-root',
    cause: `${program} runs as the user with number ${uid}, but only root of this host may use it: it controls the VMs of the pool`,
    cure: 'Run it as root, for example with sudo',
  })
}
