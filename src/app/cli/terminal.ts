import { spawnSync } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import type { StreamChunk } from '../../operations/operation.ts'

/** The terminal, or what stands in its place, that a conversation is held on. */
export interface Terminal {
  readonly inputIsTerminal: boolean
  readonly outputIsTerminal: boolean
  /** What is typed, or comes in by a pipe, until it ends. Reading it is what keeps the process waiting for it. */
  input(): AsyncIterable<Buffer>
  /** Resolves when there is room for more; at once when nobody reads any more. */
  write(to: StreamChunk['from'], data: Buffer | string): Promise<void>
  size(): { readonly columns: number; readonly rows: number }
  /** Calls back at each change of size; the returned function ends that. */
  onResize(changed: () => void): () => void
  /**
   * What is typed is not shown, until the returned function is called or this process ends; Ctrl-C works as ever.
   * undefined: this terminal cannot do that.
   */
  hidden(): (() => void) | undefined
  /** Every key goes to us as it is, Ctrl-C too, until the returned function is called or this process ends. */
  raw(): () => void
  /** As `raw`, and the screen is ours: what was on it comes back afterwards. */
  screen(): () => void
}

/**
 * Node's raw mode leaves one thing on: line feeds become CR LF on their way out. Programs that draw on the container's
 * terminal move down with line feeds alone. Leaving raw mode restores all as it was before.
 */
const STTY_MS = 2000
/** Another screen without a cursor, and back (xterm's private modes 1049 and 25). */
const OTHER_SCREEN = '\u001B[?1049h\u001B[?25l\u001B[2J'
const FIRST_SCREEN = '\u001B[?25h\u001B[?1049l'

/** What of Node's process is used. */
export interface ProcessStreams {
  readonly stdin: Readable & { readonly isTTY?: boolean; setRawMode?(on: boolean): unknown }
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number }
  readonly stderr: Writable
  once(event: 'exit', listener: () => void): unknown
  off(event: 'exit', listener: () => void): unknown
}

/** This process's standard streams. */
export function processTerminal(process: ProcessStreams): Terminal {
  const { stdin, stdout } = process
  /** Undone whatever ends this process: an error that nobody expected goes through `exit` too. */
  const meanwhile = (begin: () => void, undo: () => void) => {
    const restore = () => {
      process.off('exit', restore)
      undo()
    }
    process.once('exit', restore)
    begin()
    return restore
  }
  const setRaw = (on: boolean) => {
    if (stdin.isTTY === true) stdin.setRawMode?.(on)
  }
  return {
    inputIsTerminal: stdin.isTTY === true,
    outputIsTerminal: stdout.isTTY === true,
    input: () => stdin as AsyncIterable<Buffer>,
    write: (to, data) => written(to === 'out' ? stdout : process.stderr, data),
    size: () => ({ columns: stdout.columns ?? 80, rows: stdout.rows ?? 24 }),
    onResize(changed) {
      stdout.on('resize', changed)
      return () => stdout.off('resize', changed)
    },
    hidden() {
      if (stdin.isTTY !== true) return () => undefined
      return stty('-echo') ? meanwhile(noop, () => stty('echo')) : undefined
    },
    raw: () =>
      meanwhile(
        () => {
          setRaw(true)
          if (stdin.isTTY === true) stty('-opost')
        },
        () => setRaw(false),
      ),
    screen: () =>
      meanwhile(
        () => {
          setRaw(true)
          stdout.write(OTHER_SCREEN)
        },
        () => {
          stdout.write(FIRST_SCREEN)
          setRaw(false)
        },
      ),
  }
}

const noop = () => undefined

/** Sets the terminal that is standard input; whether that was done. */
function stty(setting: string): boolean {
  return spawnSync('stty', [setting], { stdio: ['inherit', 'ignore', 'ignore'], timeout: STTY_MS }).status === 0
}

function written(stream: Writable, data: Buffer | string): Promise<void> {
  return new Promise((resolve) => {
    if (!stream.writable) return resolve()
    stream.write(data, () => resolve())
  })
}
