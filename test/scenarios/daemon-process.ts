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

  static start(configFile: string, logFile: string, env: Readonly<Record<string, string>> = {}): DaemonProcess {
    if (!existsSync(EXECUTABLE)) throw new Error('dist/ is missing: run make build first')
    const child = spawn(EXECUTABLE, ['--config', configFile], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...env },
    })
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

  /** What no daemon may ever do, whatever happens around it. */
  wrongs(): string[] {
    const log = this.log()
    const defects = log.split('\n').filter((line) => line.includes('defect'))
    const secrets = /OpaqueRef:[0-9a-f]{8}-|PRIVATE KEY/.exec(log)
    return [
      ...defects.slice(0, 5).map((line) => `a defect is in the log: ${line}`),
      ...(this.#stderr.includes('Warning') ? [`Node warns: ${this.#stderr}`] : []),
      ...(secrets ? [`a secret is in the log: ${log.slice(secrets.index - 200, secrets.index + 60)}`] : []),
    ]
  }

  /** The most memory that it has had so far (resident). */
  peakMb(): number {
    const status = readFileSync(`/proc/${this.child.pid}/status`, 'utf8')
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) / 1024
  }

  /** Stops it in its tracks, as an overloaded dom0 does, until `resume`. */
  freeze(): void {
    this.child.kill('SIGSTOP')
  }

  resume(): void {
    this.child.kill('SIGCONT')
  }

  /** The end of its log, without stacks. */
  lastLines(count = 15): string {
    const lines = this.log().trimEnd().split('\n').slice(-count)
    return `${lines.map((line) => line.replaceAll(/"stack":"(?:[^"\\]|\\.)*"/g, '"stack":".."')).join('\n')}\n${this.#stderr}`
  }
}
