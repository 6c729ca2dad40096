import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

const BOOT = join(import.meta.dirname, 'boot.sh')
const START_MS = 60_000

/** What is there before our packages come: an XAPI that is always up, and nothing else but the basic system. */
const FILES = {
  'etc/systemd/system/check.target': '[Unit]\nRequires=basic.target\nAfter=basic.target\nWants=xapi.service\n',
  'etc/systemd/system/xapi.service': '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n',
  'etc/xensource-inventory': "INSTALLATION_UUID='11111111-2222-3333-4444-555555555555'\n",
  'usr/bin/xe': '#!/bin/sh\n',
}

/** A host whose first process is a real systemd, on this system's own files; what is changed there is gone with it. */
export class Booted {
  readonly #dir = mkdtempSync(join(tmpdir(), 'xsc-boot-'))
  #child: ChildProcess | undefined
  #said = ''
  #leader = 0

  /** `files` lie over this system's; `binds` are OUTSIDE:INSIDE. Resolves when the basic system is up. */
  static async start(files: Readonly<Record<string, string>>, binds: readonly string[]): Promise<Booted> {
    const booted = new Booted()
    try {
      await booted.#boot({ ...FILES, ...files }, binds)
      return booted
    } catch (error) {
      await booted.stop()
      throw error
    }
  }

  async #boot(files: Readonly<Record<string, string>>, binds: readonly string[]): Promise<void> {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(this.#dir, 'files', path)), { recursive: true })
      writeFileSync(join(this.#dir, 'files', path), text, { mode: 0o755 })
    }
    this.#child = spawn(BOOT, [this.#dir, ...binds], { stdio: 'pipe' })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.#said += chunk.toString()))
    }
    await this.until('systemd is up', async () => {
      if (this.#child?.exitCode !== null) throw new Error(`systemd did not start: ${this.#said}`)
      this.#leader ||= systemdBelow(this.#child.pid!) ?? 0
      return this.#leader !== 0 && (await this.tell('systemctl', 'is-active', 'check.target')) === 'active'
    })
  }

  /**
   * Runs a command inside, while this process may serve what it asks for; what it printed, on standard error too.
   * Rejects when it fails.
   */
  async run(...words: readonly string[]): Promise<string> {
    const clean = ['env', '-i', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'LC_ALL=C', 'HOME=/root']
    const script = 'exec nsenter --all --target "$0" -- "$@" 2>&1'
    const { stdout } = await promisify(execFile)('sh', ['-c', script, String(this.#leader), ...clean, ...words])
    return stdout
  }

  /** As `run`, whether it fails or not, without white space around it. */
  async tell(...words: readonly string[]): Promise<string> {
    return (await this.run('sh', '-c', '"$@" 2>&1 || true', 'sh', ...words)).trim()
  }

  /** A property of a unit. */
  property(unit: string, name: string): Promise<string> {
    return this.tell('systemctl', 'show', '--value', '--property', name, unit)
  }

  /** A file as it is seen inside; undefined: there is none. */
  read(path: string): string | undefined {
    const file = join(`/proc/${this.#leader}/root`, path)
    return existsSync(file) ? readFileSync(file, 'utf8') : undefined
  }

  write(path: string, text: string): void {
    const file = join(`/proc/${this.#leader}/root`, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }

  /** Waits until it holds; fails with what systemd has said after a minute. */
  async until(what: string, holds: () => Promise<boolean>): Promise<void> {
    for (const end = Date.now() + START_MS; !(await holds());) {
      if (Date.now() > end) throw new Error(`not within a minute: ${what}\n${this.#said}`)
      await sleep(100)
    }
  }

  async stop(): Promise<void> {
    const child = this.#child
    if (child?.exitCode === null) {
      if (this.#leader !== 0) process.kill(this.#leader, 'SIGKILL')
      else child.kill('SIGTERM')
      await once(child, 'exit')
      child.stdin?.end()
    }
    rmSync(this.#dir, { recursive: true, force: true })
  }
}

/** The first process of the system that this process has started, in our numbers. */
function systemdBelow(pid: number): number | undefined {
  for (const child of childrenOf(pid)) {
    if (commandOf(child) === 'systemd') return child
    const found = systemdBelow(child)
    if (found !== undefined) return found
  }
  return undefined
}

function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number),
    )
  } catch {
    return []
  }
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
  } catch {
    return ''
  }
}
