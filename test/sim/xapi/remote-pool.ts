import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

import type { HostInfo, Verbs } from './sim-verbs.ts'

export interface RemotePoolOptions {
  readonly hosts: number
  readonly dir: string
  readonly vms?: number
}

interface Pending {
  resolve(result: unknown): void
  reject(error: Error): void
}

/** A simulated pool in a process of its own, so that a measurement is of the other side only. */
export class RemotePool {
  /** Filled once started. */
  hosts: readonly HostInfo[] = []
  private readonly child: ChildProcess
  private readonly pending = new Map<number, Pending>()
  private nextId = 1

  /** Resolves once the sockets are there. */
  static async start(options: RemotePoolOptions): Promise<RemotePool> {
    const script = fileURLToPath(new URL('./sim-process.ts', import.meta.url))
    const args = ['--hosts', String(options.hosts), '--vms', String(options.vms ?? 0), '--dir', options.dir]
    const child = spawn(process.execPath, ['--import', 'tsx', script, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
    const pool = new RemotePool(child)
    pool.hosts = (await pool.expect(0)) as HostInfo[]
    return pool
  }

  private constructor(child: ChildProcess) {
    this.child = child
    if (child.stdout !== null) createInterface({ input: child.stdout }).on('line', (line) => this.hear(line))
    child.once('exit', () => this.lose(new Error('the simulator has ended')))
    child.once('error', (error) => this.lose(error))
  }

  /** The simulator's process, for measuring it. */
  get pid(): number | undefined {
    return this.child.pid
  }

  /** Does to the pool what the verb says; rejects with its error. */
  call<V extends keyof Verbs>(verb: V, ...args: Parameters<Verbs[V]>): Promise<Awaited<ReturnType<Verbs[V]>>> {
    const id = this.nextId++
    this.child.stdin?.write(`${JSON.stringify({ id, verb, args })}\n`)
    return this.expect(id) as Promise<Awaited<ReturnType<Verbs[V]>>>
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    const ended = new Promise<void>((resolve) => this.child.once('exit', () => resolve()))
    this.child.stdin?.end()
    await ended
  }

  private expect(id: number): Promise<unknown> {
    return new Promise((resolve, reject) => this.pending.set(id, { resolve, reject }))
  }

  private hear(line: string): void {
    const { id, result, error } = JSON.parse(line) as { id: number; result: unknown; error?: string }
    const waiting = this.pending.get(id)
    this.pending.delete(id)
    if (error === undefined) waiting?.resolve(result)
    else waiting?.reject(new Error(error))
  }

  private lose(error: Error): void {
    for (const waiting of this.pending.values()) waiting.reject(error)
    this.pending.clear()
  }
}
