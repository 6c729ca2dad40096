import { RefusedError, TransientError } from '../../base/errors.ts'
import type { Args } from '../../operations/operation.ts'
import { isFailure } from '../../xapi/errors.ts'
import type { CliContext } from './context.ts'

const PLUGIN = 'xscontainer'

/** Has the plugin on a host do an operation; its payload. Rejects with what it says, as a DiagnosedError. */
export async function askPlugin(context: CliContext, hostRef: string, fn: string, args: Args): Promise<string> {
  const session = await context.session(true)
  try {
    const answer = String(await session.call('host.call_plugin', [hostRef, PLUGIN, fn, args], context.signal))
    if (answer.startsWith('True')) return answer.slice('True'.length)
    throw new RefusedError({
      kind: 'plugin',
      cause: `The plugin on that host answered ${fn} with: ${answer}`,
      cure: LOG,
    })
  } catch (error) {
    throw isFailure(error, 'XENAPI_PLUGIN_FAILURE', 'XENAPI_MISSING_PLUGIN', 'HOST_OFFLINE') ? told(error) : error
  }
}

const LOG = 'See /var/log/xscontainer.log on that host'

/** A failure of the plugin's own carries function, class and a text with cause and cure. */
function told(error: { readonly code: string; readonly params: readonly string[] }): Error {
  if (error.code === 'HOST_OFFLINE') {
    return new TransientError({ kind: 'host-offline', cause: 'That host is offline', cure: 'Check the host' })
  }
  if (error.code === 'XENAPI_MISSING_PLUGIN') {
    return new RefusedError({
      kind: 'plugin-missing',
      cause: 'xscontainer is not installed on that host',
      cure: 'Install it on all hosts of the pool',
    })
  }
  const [, , text = error.params.join(' ')] = error.params
  const [cause = text, cure = LOG] = splitSentence(text)
  return new RefusedError({ kind: 'plugin', cause, cure })
}

/** The last sentence is the cure. */
function splitSentence(text: string): string[] {
  const at = text.lastIndexOf('. ')
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 2)]
}
