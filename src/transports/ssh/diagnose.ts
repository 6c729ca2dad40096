import type { Duplex } from 'node:stream'
import type { Clock } from '../../base/clock.ts'
import { within } from '../../base/deadline.ts'
import { readBounded } from './read-bounded.ts'
import { isSocketPath } from './socket-path.ts'

/** What the user may do with a path that could be the engine's socket. `hidden`: in a directory closed to the user. */
export type SocketState = 'ok' | 'denied' | 'not-a-socket' | 'missing' | 'hidden'

/** What the guest's user sees of engines and helpers. */
export interface Report {
  readonly user: string
  /** In the order in which they are to be tried. */
  readonly sockets: ReadonlyMap<string, { readonly state: SocketState; readonly listening: boolean | undefined }>
  readonly tools: ReadonlySet<string>
}

export const TOOLS = ['docker', 'socat', 'ncat', 'nc'] as const
/** sshd's default PATH lacks some of these. */
export const SET_PATH = 'PATH=$PATH:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin:/snap/bin; export PATH'

/**
 * A command that any login shell hands on unchanged to sh: one line in single quotes, without single quote, backslash
 * (fish) or exclamation mark (csh) inside.
 */
export function forSh(script: string): string {
  if (/['\\!\n]/.test(script)) throw new Error('not safe to quote for every shell')
  return `sh -c '${script}'`
}

/** What tells of one path, `$s`. Shared with the forced command of a restricted key. */
export const TELL_SOCKET =
  'd=${s%/*}; l=unknown; if [ -S "$s" ]; then if [ -r "$s" ] && [ -w "$s" ]; then t=ok; else t=denied; fi; ' +
  'p=$(readlink -f "$s" 2>/dev/null || echo "$s"); p=${p#/var}; ' +
  'if [ -r /proc/net/unix ]; then if grep -q -e " 00010000 .* $p$" -e " 00010000 .* /var$p$" /proc/net/unix; then l=yes; else l=no; fi; fi; ' +
  'elif [ -e "$s" ]; then t=not-a-socket; elif [ -x "$d" ]; then t=missing; elif [ -d "$d" ]; then t=hidden; ' +
  'else t=missing; fi; echo "xsc:socket:$t:$l:$s"'
export const TELL_USER = 'u=$(id -u); echo "xsc:user:$(id -un)"; r=${XDG_RUNTIME_DIR:-/run/user/$u}'
export const TELL_TOOLS = `for t in ${TOOLS.join(' ')}; do command -v $t >/dev/null 2>&1 && echo "xsc:tool:$t"; done; echo "xsc:end:"`

/**
 * Prints a line per thing found out, each behind a mark that tells it from what login scripts print. The listening
 * sockets in /proc/net/unix have the flag 00010000 (__SO_ACCEPTCON); paths there are as given to bind(2), so /var/run
 * and /run are taken as one.
 */
export function diagnosticCommand(paths: readonly string[], rootless: boolean): string {
  const userPaths = rootless
    ? ' "$r/docker.sock" "$r/podman/podman.sock" "/run/user/$u/docker.sock" "/run/user/$u/podman/podman.sock"'
    : ''
  return forSh(
    `${SET_PATH}; ${TELL_USER}; for s in ${paths.join(' ')}${userPaths}; do ${TELL_SOCKET}; done; ${TELL_TOOLS}`,
  )
}

const MOST_OUTPUT = 16 * 1024
/** Those that were asked for are seven: each is tried in up to six ways. */
const MOST_SOCKETS = 16
/** It stands in commands that administrators are told to run: what is none, or more than that, is not said again. */
const USER_NAME = /^[\w.@+\\-]{1,64}\$?$/
const SCRIPT_TIMEOUT_MS = 10_000

/** Reads what the command prints. Undefined, with the first words it said instead, when there is no such shell. */
export async function readReport(
  clock: Clock,
  stream: Duplex,
  signal: AbortSignal,
): Promise<{ readonly report: Report | undefined; readonly said: string }> {
  const late = { kind: 'shell-stalled', cause: 'A shell command in the guest did not end', cure: 'Check its load' }
  const said = await within(clock, SCRIPT_TIMEOUT_MS, signal, late, (inner) =>
    readBounded(stream, MOST_OUTPUT, (text) => text.includes('xsc:end:'), inner),
  )
  return { report: said.includes('xsc:end:') ? parseReport(said) : undefined, said }
}

/** Takes the marked lines out of the output; whatever is malformed is left out. */
export function parseReport(output: string): Report {
  let user = ''
  const sockets = new Map<string, { state: SocketState; listening: boolean | undefined }>()
  const tools = new Set<string>()
  for (const line of output.split(/\r?\n/)) {
    const [, what = '', rest = ''] = /^xsc:([a-z]+):(.*)$/.exec(line) ?? []
    if (what === 'user' && USER_NAME.test(rest)) user = rest
    if (what === 'tool' && TOOLS.some((tool) => tool === rest)) tools.add(rest)
    const [, state, listens, path = ''] = /^([a-z-]+):([a-z]+):(.*)$/.exec(what === 'socket' ? rest : '') ?? []
    if (!isState(state) || !isSocketPath(path) || sockets.has(path) || sockets.size >= MOST_SOCKETS) continue
    sockets.set(path, { state, listening: listens === 'unknown' ? undefined : listens === 'yes' })
  }
  return { user, sockets, tools }
}

const STATES: readonly SocketState[] = ['ok', 'denied', 'not-a-socket', 'missing', 'hidden']

function isState(text: string | undefined): text is SocketState {
  return STATES.some((state) => state === text)
}
