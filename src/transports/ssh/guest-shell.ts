import type { Duplex } from 'node:stream'
import type { Clock } from '../../base/clock.ts'
import { within } from '../../base/deadline.ts'
import type { GuestShell, ShellResult } from '../../model/shell.ts'
import type { SessionListener } from './channel-stream.ts'
import { dialWith } from './dial.ts'
import { floodError, lateChannel, type DialState, type Where } from './errors.ts'
import { askingLogin, keyLogin, type Asker, type Login } from './login.ts'
import type { SshConnection } from './ssh-connection.ts'
import type { SshKey } from './ssh-key.ts'
import { WorkShare } from './work-share.ts'

/** How to log in. A password is tried once; `ask` answers what the guest asks, again after each refused answer. */
export type ShellLogin =
  /** `called`: how the key is called in error texts, `the key of this pool` by default. */
  { readonly privateKey: SshKey; readonly called?: string } | { readonly password: string } | { readonly ask: Asker }

export interface GuestShellOptions extends Where {
  readonly login: ShellLogin
  /** Base64 blob of the host key that the guest must show; undefined: any. */
  readonly pinnedHostKey: string | undefined
  /** For TCP connection, handshake and login together; a user who answers questions gets two minutes more. */
  readonly connectTimeoutMs: number
  /** Told the host key (base64 blob) that the guest shows and proves, before it is shown anything secret. */
  readonly onHostKey?: (blob: string) => void
  /** Told which methods of login the guest would take instead of what it has refused. */
  readonly onRefused?: (offered: readonly string[]) => void
}

/** sshd waits so long for a login by default (LoginGraceTime). */
const ANSWERS_MS = 120_000
/** A key takes milliseconds to install; a guest under load, with its home on a slow network file system, needs longer. */
const RUN_MS = 30_000
const MOST_OUTPUT = 256 * 1024
const MOST_ERRORS = 16 * 1024

/**
 * Logs in at the guest for running commands. Rejects with a DiagnosedError: kinds of `dial`, and `auth-password`,
 * `auth-no-password`, `auth-second-factor`. Leaves nothing behind when it fails or is aborted.
 */
export async function openGuestShell(
  clock: Clock,
  options: GuestShellOptions,
  signal: AbortSignal,
): Promise<GuestShell> {
  const { login, onHostKey, onRefused, connectTimeoutMs } = options
  const patience = 'ask' in login ? ANSWERS_MS : 0
  const connection = await dialWith(
    clock,
    {
      ...options,
      connectTimeoutMs: connectTimeoutMs + patience,
      work: new WorkShare(clock),
      login: tellingRefusals(loginBy(login), onRefused),
      observe: (step) => {
        if (step.at === 'login') onHostKey?.(step.said ?? '')
      },
    },
    signal,
  )
  return shellOver(clock, connection, options)
}

function loginBy(login: ShellLogin): Login {
  if ('privateKey' in login) return keyLogin(login.privateKey, login.called)
  if ('ask' in login) return askingLogin(login.ask)
  return askingLogin(oneAnswer(login.password))
}

/** The password, once, to one question that it can be meant for. */
function oneAnswer(password: string): Asker {
  let given = false
  return (prompts) => {
    const again = given
    if (prompts.length > 0) given = true
    if (prompts.length === 0) return Promise.resolve([])
    const isForIt = prompts.length === 1 && prompts[0]?.echo === false
    return Promise.resolve(again || !isForIt ? undefined : [password])
  }
}

function tellingRefusals(login: Login, tell: ((offered: readonly string[]) => void) | undefined): Login {
  if (tell === undefined) return login
  const refused = (state: DialState, where: Where) => {
    tell(state.offered ?? [])
    return login.refused(state, where)
  }
  return { refused, handler: (username, state, fail) => login.handler(username, state, fail) }
}

function shellOver(clock: Clock, connection: SshConnection, where: Where): GuestShell {
  return {
    address: connection.address,
    hostKey: connection.hostKey ?? '',
    run(command, input, signal) {
      const late = lateChannel('the end of a command', where)
      return within(clock, RUN_MS, signal, late, (inner) => runCommand(connection, where, command, input, inner))
    },
    close: () => connection.close(),
  }
}

async function runCommand(
  connection: SshConnection,
  where: Where,
  command: string,
  input: string | undefined,
  signal: AbortSignal,
): Promise<ShellResult> {
  const ending = new Ending()
  const stream = await connection.exec(command, signal, ending)
  try {
    stream.end(input ?? '')
    const stdout = await readAll(stream, where)
    const lost = await Promise.race([ending.told, connection.closed])
    if (lost !== undefined) throw lost
    return { exitCode: ending.code, stdout, stderr: ending.errors }
  } finally {
    stream.destroy()
  }
}

/** What is said of a command beside its output. */
class Ending implements SessionListener {
  code: number | undefined
  errors = ''
  #resolve: (nothing: undefined) => void = () => undefined
  readonly told = new Promise<undefined>((resolve) => (this.#resolve = resolve))

  error(chunk: Buffer): void {
    this.errors += chunk.toString('utf8', 0, Math.max(0, MOST_ERRORS - this.errors.length))
  }

  exit(code: number | undefined): void {
    this.code = code
  }

  closed(): void {
    this.#resolve(undefined)
  }
}

function readAll(stream: Duplex, where: Where): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    stream.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      size += chunk.length
      if (size > MOST_OUTPUT) reject(floodError(where))
    })
    const end = () => resolve(Buffer.concat(chunks).toString('utf8'))
    // A command may end without having read its input, which is no failure of the connection.
    stream.on('end', end).on('close', end).on('error', end)
  })
}
