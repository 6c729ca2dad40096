import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll } from 'vitest'

import { SimPool, type SimPoolOptions } from './sim-pool.ts'
import { WireClient } from './wire-client.ts'
import type { SimHost } from './sim-host.ts'

/** A pool for one test file, with a logged-in connection to its coordinator. */
export interface TestPool {
  readonly pool: SimPool
  readonly client: WireClient
  readonly session: string
  readonly coordinator: SimHost
  readonly member: SimHost
  /** A further connection, closed at the end. */
  connect(host?: SimHost): WireClient
}

/** Starts the pool before the file's tests and stops it after them. Use the result inside of tests only. */
export function useTestPool(options: Partial<SimPoolOptions> = {}): TestPool {
  const dir = mkdtempSync(join(tmpdir(), 'sim-'))
  const clients: WireClient[] = []
  const state = {} as { pool: SimPool; client: WireClient; session: string; coordinator: SimHost; member: SimHost }
  const connect = (host = state.coordinator) => {
    const client = new WireClient(host.socketPath)
    clients.push(client)
    return client
  }
  beforeAll(async () => {
    state.pool = await SimPool.start({ hosts: 2, dir, ...options })
    const [coordinator, member] = state.pool.hosts
    if (coordinator === undefined || member === undefined) throw new Error('two hosts are needed')
    Object.assign(state, { coordinator, member })
    state.client = connect()
    state.session = await state.client.login()
  })
  afterAll(async () => {
    for (const client of clients) client.close()
    await state.pool.stop()
    rmSync(dir, { recursive: true, force: true })
  })
  return Object.assign(state, { connect })
}
