import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

import { mapArg, textArg, type CallContext, type Methods } from './call-context.ts'
import { pluginArgument, pluginResult } from './plugin-protocol.ts'
import { runPlugin } from './plugin-process.ts'
import { stringReply } from './reply.ts'
import type { SimHost } from './sim-host.ts'
import { XapiError } from './xapi-error.ts'

export const pluginMethods: Methods = {
  async 'host.call_plugin'(call, args) {
    const target = targetHost(call, textArg(args, 0))
    const borrowed = target === call.world.coordinator() ? undefined : call.world.sessions.login(target.ref, '', true)
    try {
      return stringReply(
        await callPlugin(target, borrowed ?? call.session, textArg(args, 1), textArg(args, 2), mapArg(args, 3)),
      )
    } finally {
      if (borrowed !== undefined) call.world.sessions.destroy(borrowed)
    }
  },
}

/** The host that is to run it; it must be known and alive, and its XAPI must be there. */
function targetHost(call: CallContext, ref: string): SimHost {
  const { db, hosts } = call.world
  const row = db.find('host', ref)
  const metrics = row === undefined ? undefined : db.find('host_metrics', row.text('metrics'))
  const host = hosts.find((candidate) => candidate.ref === ref)
  if (host === undefined || metrics?.get('live') !== true) throw new XapiError('HOST_OFFLINE', ref)
  if (host.faults.mode === 'refuse') throw new XapiError('CANNOT_CONTACT_HOST', ref)
  return host
}

async function callPlugin(
  host: SimHost,
  session: string,
  name: string,
  fn: string,
  args: readonly (readonly [string, string])[],
): Promise<string> {
  const names = await readdir(host.pluginsDir).catch((): string[] => [])
  if (!names.includes(name)) throw new XapiError('XENAPI_MISSING_PLUGIN', name)
  const outcome = await runPlugin(join(host.pluginsDir, name), pluginArgument(fn, session, args), host.pluginEnv)
  if (outcome === undefined) throw new XapiError('XENAPI_PLUGIN_FAILURE', 'non-zero exit', '', '')
  const { code, signal, stdout, stderr } = outcome
  if (code === 0) return pluginResult(stdout)
  const how = signal === null ? 'non-zero exit' : `signal: ${signal}`
  throw new XapiError('XENAPI_PLUGIN_FAILURE', how, stdout.toString(), stderr.toString())
}
