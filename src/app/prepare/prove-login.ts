import { DiagnosedError, RefusedError } from '../../base/errors.ts'
import { Engine } from '../../engine/engine.ts'
import type { GuestLink, Target } from '../../model/guest.ts'
import type { GuestShell } from '../../model/shell.ts'
import { keyCheckScript, readKeyCheck } from '../../provision/key-check.ts'
import type { SshKey } from '../../transports/ssh/ssh-key.ts'
import { SshTransport } from '../../transports/ssh/ssh-transport.ts'
import { ENGINE_LIMITS } from '../monitored-guest.ts'
import { sayIfSwapped, type Contact } from './meet-guest.ts'
import type { PrepareContext } from './prepare-context.ts'

export interface Proof {
  readonly contact: Contact
  readonly target: Target
  readonly key: SshKey
  /** The login that installed the key, to find out why it is not taken; undefined: it was there already. */
  readonly installed: { readonly shell: GuestShell; readonly path: string } | undefined
}

/**
 * A new connection with the pool's key and nothing else, by the monitor's own code, and over it the engine. Rejects with
 * a DiagnosedError that names what is missing; kinds of the search for the engine as the monitor has them.
 */
export async function proveLogin(context: PrepareContext, proof: Proof, signal: AbortSignal): Promise<void> {
  const { steps, clock, config } = context
  const { contact, target, key } = proof
  let searching: () => void = () => undefined
  const loggedIn = new Promise<void>((resolve) => (searching = resolve))
  const limits = {
    port: config.guest.ssh_port,
    connectTimeoutMs: config.guest.connect_timeout_s * 1000,
    keepaliveMs: config.guest.keepalive_s * 1000,
  }
  const transport = new SshTransport(
    { clock, key: () => Promise.resolve(key), observe: ({ at }) => void (at === 'search' && searching()) },
    limits,
  )
  const same = { ...target, addresses: [contact.where.address], pinnedHostKey: contact.hostKey }
  const connecting = transport.connect(same, signal)
  try {
    await steps.step("log in anew with the pool's key alone", async (note) => {
      await Promise.race([loggedIn, connecting])
      note(`as user ${target.username}; the host key is the same`)
    })
  } catch (error) {
    throw await explained(sayIfSwapped(error, contact), proof, signal)
  }
  const link = await steps.step("find the container engine's socket", async (note) => {
    const found = await connecting
    note(`${found.facts.socketPath}, by ${found.facts.rung}`)
    return found
  })
  try {
    await askEngine(context, link, signal)
  } finally {
    link.close()
  }
}

async function askEngine({ steps, clock }: PrepareContext, link: GuestLink, signal: AbortSignal): Promise<void> {
  await steps.step('ask the engine for its containers', async (note) => {
    const openStream = (inTime: AbortSignal) => link.openStream(inTime)
    const engine = await Engine.open({ clock, openStream }, ENGINE_LIMITS, signal)
    const { Version } = await engine.version(signal)
    const count = (await engine.list(signal)).length
    const name = engine.product === 'podman' ? 'Podman' : 'Docker'
    note(
      `${name} ${typeof Version === 'string' ? Version.slice(0, 40) : ''}: ${count} ${count === 1 ? 'container' : 'containers'}`,
    )
  })
}

/** A key that is there and is not taken: the guest itself may know why. */
async function explained(error: unknown, { contact, installed }: Proof, signal: AbortSignal): Promise<unknown> {
  if (installed === undefined || !(error instanceof DiagnosedError) || error.diagnosis.kind !== 'auth-refused')
    return error
  const { command, input } = keyCheckScript(installed.path)
  const answer = await installed.shell.run(command, input, signal).catch(() => undefined)
  const { address, username } = contact.where
  const { why, cure } = readKeyCheck(answer ?? { exitCode: undefined, stdout: '', stderr: '' }, installed.path)
  return new RefusedError({
    kind: 'key-not-taken',
    cause: `The pool's key is in ${installed.path} of the guest at ${address}, but its SSH server does not let user ${username} in with it: ${why}`,
    cure,
  })
}
