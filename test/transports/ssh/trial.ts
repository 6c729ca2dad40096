import { setMaxListeners } from 'node:events'
import { expect } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { DiagnosedError } from '../../../src/base/errors.ts'
import type { GuestLink, Target } from '../../../src/model/guest.ts'
import type { SshKey } from '../../../src/transports/ssh/ssh-key.ts'
import { SshTransport } from '../../../src/transports/ssh/ssh-transport.ts'

export const NEVER = new AbortController().signal
setMaxListeners(0, NEVER)
export const VM = '6d0c1f0e-1111-4222-8333-444455556666'

export function transport(key: SshKey, port: number, limits: { connectTimeoutMs?: number; keepaliveMs?: number } = {}) {
  const all = { port, connectTimeoutMs: 10_000, keepaliveMs: 60_000, ...limits }
  return new SshTransport({ clock: systemClock, key: () => Promise.resolve(key) }, all)
}

export function target(address: string, more: Partial<Target> = {}): Target {
  const none = { pinnedHostKey: undefined, socketPath: undefined }
  return { vmUuid: VM, mode: 'ssh', addresses: [address], username: 'root', ...none, ...more }
}

/** The diagnosed error that `work` rejects with; fails the test when there is none. */
export async function failure(work: Promise<GuestLink>): Promise<DiagnosedError> {
  const error: unknown = await work.then(
    (link) => {
      link.close()
      return new Error(`connected by ${link.facts.rung}`)
    },
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(DiagnosedError)
  return error as DiagnosedError
}
