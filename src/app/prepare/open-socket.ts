import { RefusedError, type DiagnosedError } from '../../base/errors.ts'
import { cleanForTerminal, cutText } from '../../base/text.ts'
import type { GuestShell } from '../../model/shell.ts'
import { engineAccessScript, readEngineAccess, sudoCommand } from '../../provision/engine-access.ts'
import type { FirstLogin } from './log-in.ts'
import type { PrepareContext } from './prepare-context.ts'

/** What a refusal of the engine's socket needs to be mended. */
export interface Refusal {
  readonly error: DiagnosedError
  /** The administrator's choice of socket. */
  readonly socketPath: string | undefined
  readonly username: string
}

/**
 * The user may not use the engine's socket: offers the command that changes that, and runs it by sudo when it is
 * wanted. Resolves when it was run; rejects with the refusal, and the exact command in its cure, when not.
 */
export async function openSocket(
  context: PrepareContext,
  { shell, password }: FirstLogin,
  refusal: Refusal,
  always: boolean,
  signal: AbortSignal,
): Promise<void> {
  const script = engineAccessScript(refusal.socketPath)
  const { command, sudo, socketPath } = readEngineAccess(await shell.run(script.command, script.input, signal))
  if (command === undefined) throw refusal.error
  const byPassword = sudo === 'password' && password !== undefined
  if (sudo !== 'free' && !byPassword) throw withCommand(refusal, command)
  if (!always) {
    const question = `User ${refusal.username} may not use ${socketPath ?? "the engine's socket"}. Run "sudo ${command}" in the guest now? (Members of that group are as good as root there)`
    const yes = context.person !== undefined && (await context.person.consent(question, signal))
    if (!yes) throw withCommand(refusal, command)
  }
  await runBySudo(context, shell, command, byPassword ? password : undefined, signal)
}

async function runBySudo(
  { steps }: PrepareContext,
  shell: GuestShell,
  command: string,
  password: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  await steps.step(`run "sudo ${command}" in the guest`, async () => {
    const settle = steps.change(`"${command}" may have been run in the guest`)
    const script = sudoCommand(command, password)
    const result = await shell.run(script.command, script.input, signal)
    if (result.exitCode === 0) return settle(`"${command}" was run in the guest, which --undo does not take back`)
    settle(undefined)
    const said = cutText(cleanForTerminal(result.stderr.trim()), 120)
    throw new RefusedError({
      kind: 'sudo-refused',
      cause: `The guest did not run "sudo ${command}"${said === '' ? '' : ` (it says: ${said})`}`,
      cure: `As root in the guest: ${command}; then run this again`,
    })
  })
}

function withCommand({ error, username }: Refusal, command: string): RefusedError {
  return new RefusedError({
    kind: error.diagnosis.kind,
    cause: error.diagnosis.cause,
    cure: `As root in the guest: ${command} (or run a rootless engine as user ${username}), then run this again; with --sudo it is run there by sudo`,
  })
}
