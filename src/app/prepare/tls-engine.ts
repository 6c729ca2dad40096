import { within } from '../../base/deadline.ts'
import { DiagnosedError, type Diagnosis } from '../../base/errors.ts'
import { Engine } from '../../engine/engine.ts'
import type { Target } from '../../model/guest.ts'
import { readMaterial, type TlsParts } from '../../transports/tls/material.ts'
import { TlsTransport } from '../../transports/tls/tls-transport.ts'
import { ENGINE_LIMITS } from '../monitored-guest.ts'
import type { PrepareContext } from './prepare-context.ts'

/** How long somebody may take to run the script in the guest. */
const SCRIPT_MS = 30 * 60_000
const ASK_AGAIN_MS = 1000

/** Reaches the engine with this material as the monitor will, and asks it for its containers: what was found, in words. */
export async function askOverTls(
  context: Pick<PrepareContext, 'clock' | 'config'>,
  target: Target,
  material: { readonly parts: TlsParts; readonly from: TlsParts },
  signal: AbortSignal,
): Promise<string> {
  const { clock, config } = context
  const checked = readMaterial(material.parts, material.from, clock.now())
  const { tls_port: port, connect_timeout_s, keepalive_s } = config.guest
  const transport = new TlsTransport(
    { clock, material: () => Promise.resolve(checked) },
    { port, connectTimeoutMs: connect_timeout_s * 1000, keepaliveMs: keepalive_s * 1000 },
  )
  const link = await transport.connect(target, signal)
  try {
    const openStream = (inTime: AbortSignal) => link.openStream(inTime)
    const engine = await Engine.open({ clock, openStream }, ENGINE_LIMITS, signal)
    const { Version } = await engine.version(signal)
    const count = (await engine.list(signal)).length
    const name = engine.product === 'podman' ? 'Podman' : 'Docker'
    const version = typeof Version === 'string' ? ` ${Version.slice(0, 40)}` : ''
    return `${name}${version} at ${link.facts.socketPath}, by ${link.facts.rung}: ${count} ${count === 1 ? 'container' : 'containers'}`
  } finally {
    link.close()
  }
}

/** The same again and again until it works; rejects with the last failure when that takes too long. */
export async function untilOverTls(
  context: Pick<PrepareContext, 'clock' | 'config'>,
  target: Target,
  material: { readonly parts: TlsParts; readonly from: TlsParts },
  signal: AbortSignal,
): Promise<string> {
  let last: Diagnosis | undefined
  const late: Diagnosis = {
    kind: 'script-not-run',
    get cause() {
      return `The engine did not answer with the new certificates within ${SCRIPT_MS / 60_000} minutes${last === undefined ? '' : `. At last: ${last.cause}`}`
    },
    cure: 'Run install.ps1 on the disc as administrator in the guest while this waits; then run this again',
  }
  return within(context.clock, SCRIPT_MS, signal, late, async (inTime) => {
    for (;;) {
      try {
        return await askOverTls(context, target, material, inTime)
      } catch (error) {
        inTime.throwIfAborted()
        if (!(error instanceof DiagnosedError)) throw error
        last = error.diagnosis
      }
      await context.clock.sleep(ASK_AGAIN_MS, inTime)
    }
  })
}
