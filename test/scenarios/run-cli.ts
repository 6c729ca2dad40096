import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { SimHost } from '../sim/xapi/sim-host.ts'
import type { World } from './world.ts'

const BIN = fileURLToPath(new URL('../../dist/bin/', import.meta.url))
const CLI = `${BIN}xscontainer`

export interface CliResult {
  /** Negative: it was killed. */
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs the built command on a host with these words; what `input` gives is its standard input. */
export type RunCli = (words: readonly string[], input?: string | Buffer, signalAfterMs?: number) => Promise<CliResult>

export function cliOn(world: World, host?: SimHost, command = 'xscontainer'): RunCli {
  return (words, input = '', signalAfterMs) => {
    const env = { ...process.env, XSCONTAINER_CONFIG: world.configFile(host) }
    return new Promise((resolve) => {
      const child = execFile(
        `${BIN}${command}`,
        [...words],
        { env, timeout: 60_000, maxBuffer: 64 << 20 },
        (error, out, err) => resolve({ code: error === null ? 0 : Number(error.code ?? -1), out, err }),
      )
      child.stdin?.on('error', () => undefined).end(input)
      if (signalAfterMs !== undefined) setTimeout(() => child.kill('SIGINT'), signalAfterMs)
    })
  }
}

/** The built command with these words, to be ended by whoever started it. */
export function startCli(world: World, words: readonly string[]): ChildProcess {
  const env = { ...process.env, XSCONTAINER_CONFIG: world.configFile() }
  return spawn(CLI, [...words], { env, stdio: ['ignore', 'ignore', 'pipe'] })
}

/** What a terminal shows of a shell command line in which `xscontainer` is the built command, and how that ended. */
export class TerminalSession {
  readonly #child
  readonly ended: Promise<number>
  shown = ''

  constructor(world: World, command: string) {
    // `script` takes the shell from here, and not every shell lives on to tell how a command ended that Ctrl-C reached.
    const SHELL = '/bin/bash'
    const env = { ...process.env, XSCONTAINER_CONFIG: world.configFile(), TERM: 'xterm', XSC: CLI, SHELL }
    const line = `stty rows 33 cols 101; ${command.replaceAll('xscontainer ', '"$XSC" ')}`
    this.#child = spawn('script', ['-qec', line, '/dev/null'], { env, stdio: ['pipe', 'pipe', 'pipe'] })
    this.#child.stdout.on('data', (data: Buffer) => (this.shown += data.toString()))
    this.#child.stdin.on('error', () => undefined)
    this.ended = new Promise((resolve) => this.#child.once('exit', (code) => resolve(code ?? -1)))
  }

  type(keys: string): void {
    this.#child.stdin.write(keys)
  }

  /** Waits until the terminal has shown this since the last time that was asked. */
  async until(world: World, what: RegExp): Promise<string> {
    await world
      .until(`the terminal shows ${String(what)}`, () => what.test(this.shown))
      .catch((error: unknown) => {
        throw new Error(`it shows ${JSON.stringify(this.shown.slice(-600))}`, { cause: error })
      })
    const seen = this.shown
    this.shown = ''
    return seen
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }
}
