import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const EXECUTABLE = fileURLToPath(new URL('../../dist/bin/xscontainer-monitor', import.meta.url))

/** The built daemon as a process of its own. */
export class DaemonProcess {
  readonly logFile: string
  readonly child: ChildProcess
  readonly ended: Promise<number | null>
  #stderr = ''

  private constructor(child: ChildProcess, logFile: string) {
    this.child = child
    this.logFile = logFile
    child.stderr?.on('data', (chunk: Buffer) => (this.#stderr += chunk.toString()))
    this.ended = once(child, 'exit').then(([code]) => code as number | null)
  }

  static start(configFile: string, logFile: string): DaemonProcess {
    if (!existsSync(EXECUTABLE)) throw new Error('dist/ is missing: run make build first')
    const child = spawn(EXECUTABLE, ['--config', configFile], { stdio: ['ignore', 'ignore', 'pipe'] })
    return new DaemonProcess(child, logFile)
  }

  /** Ends it as systemd does; the exit code, or undefined if it has not ended within `seconds`. */
  async terminate(seconds = 15): Promise<number | null | undefined> {
    this.child.kill('SIGTERM')
    return Promise.race([this.ended, sleep(seconds * 1000, undefined, { ref: false })])
  }

  async kill(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL')
    await this.ended
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null
  }

  log(): string {
    return existsSync(this.logFile) ? readFileSync(this.logFile, 'utf8') : ''
  }

  stderr(): string {
    return this.#stderr
  }

  lastLines(count = 15): string {
    return `${this.log().trimEnd().split('\n').slice(-count).join('\n')}\n${this.#stderr}`
  }
}
