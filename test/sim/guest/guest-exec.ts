import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ServerChannel } from 'ssh2'
import { joinEngine } from './engine-bridge.ts'
import type { EngineSim } from './engine-sim.ts'

/** What a command run in the guest can see. */
export interface ExecView {
  /** Programs that the guest has, e.g. `docker`, `socat`, `ncat`, `nc`. */
  readonly tools: readonly string[]
  /** Whether the user who runs it may connect to this socket. */
  socket(path: string): 'open' | 'missing' | 'forbidden'
  readonly defaultSocket: string
  readonly engine: EngineSim
}

interface Bridge {
  readonly tool: string
  readonly pattern: RegExp
}

/** Commands that join their standard input and output with a unix socket. */
const BRIDGES: readonly Bridge[] = [
  { tool: 'docker', pattern: /\bdocker\b[^;&|]*\bsystem\s+dial-stdio\b/ },
  { tool: 'socat', pattern: /\bsocat\s[^;&|]*UNIX/i },
  { tool: 'ncat', pattern: /\bncat\s[^;&|]*-\w*U/ },
  { tool: 'nc', pattern: /\bnc\s[^;&|]*-\w*U/ },
]

/**
 * Answers a command as a small guest would. It knows the bridges (the first of those named in the command that the
 * guest has), `command -v`, `true` and `echo`; anything else is `not found`. No shell runs.
 */
export function simulateCommand(command: string, channel: ServerChannel, view: ExecView): void {
  const named = BRIDGES.filter((bridge) => bridge.pattern.test(command)).sort(
    (a, b) => command.search(a.pattern) - command.search(b.pattern),
  )
  const bridge = named.find(({ tool }) => view.tools.includes(tool))
  if (bridge) return openBridge(bridge.tool, command, channel, view)
  const words = command.trim().split(/\s+/)
  if (words[0] === 'command' && words[1] === '-v') return lookUp(words.slice(2), channel, view)
  if (words[0] === 'true') return finish(channel, 0)
  if (words[0] === 'echo')
    return finish(
      channel,
      0,
      `${words
        .slice(1)
        .join(' ')
        .replace(/^(["'])(.*)\1$/, '$2')}\n`,
    )
  finish(channel, 127, '', `sh: 1: ${named[0]?.tool ?? words[0]}: not found\n`)
}

/** Runs the command by /bin/sh in a directory of its own, which is removed afterwards; PATH is all it inherits. */
export function runInShell(command: string, channel: ServerChannel, user: string, path: string): void {
  const home = mkdtempSync(join(tmpdir(), 'guest-'))
  const env = { PATH: path, HOME: home, USER: user, LOGNAME: user, SHELL: '/bin/sh' }
  const child = spawn('/bin/sh', ['-c', command], { cwd: home, env })
  channel.pipe(child.stdin)
  child.stdin.on('error', () => undefined)
  child.stdout.pipe(channel, { end: false })
  child.stderr.pipe(channel.stderr, { end: false })
  channel.on('close', () => child.kill('SIGHUP'))
  child.on('close', (code, signal) => {
    rmSync(home, { recursive: true, force: true })
    if (signal) channel.exit(signal.replace(/^SIG/, ''))
    else channel.exit(code ?? 0)
    channel.end()
  })
}

function openBridge(tool: string, command: string, channel: ServerChannel, view: ExecView): void {
  const path = /(?:unix:\/\/|UNIX[\w-]*:)?(\/[^\s"',]*\.sock)/i.exec(command)?.[1] ?? view.defaultSocket
  const state = view.socket(path)
  if (state === 'open' && view.engine.up) return joinEngine(channel, view.engine)
  const why = state === 'forbidden' ? 'Permission denied' : 'No such file or directory'
  finish(channel, 1, '', `${complaint(tool, path, state === 'open' ? 'Connection refused' : why)}\n`)
}

function complaint(tool: string, path: string, why: string): string {
  switch (tool) {
    case 'docker':
      if (why !== 'Permission denied') {
        return `Cannot connect to the Docker daemon at unix://${path}. Is the docker daemon running?`
      }
      return `permission denied while trying to connect to the Docker daemon socket at unix://${path}`
    case 'socat':
      return `socat[812] E connect(5, AF=1 "${path}", ${path.length + 3}): ${why}`
    case 'ncat':
      return `Ncat: ${why}.`
    default:
      return `${tool}: unix connect failed: ${why}`
  }
}

function lookUp(names: readonly string[], channel: ServerChannel, view: ExecView): void {
  const found = names.filter((name) => view.tools.includes(name))
  finish(channel, found.length > 0 ? 0 : 127, found.map((name) => `/usr/bin/${name}\n`).join(''))
}

function finish(channel: ServerChannel, code: number, out = '', err = ''): void {
  if (err) channel.stderr.write(err)
  if (out) channel.write(out)
  channel.exit(code)
  channel.end()
}
