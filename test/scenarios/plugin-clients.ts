import { spawn } from 'node:child_process'
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pluginArgument } from '../sim/xapi/plugin-protocol.ts'
import type { SimHost } from '../sim/xapi/sim-host.ts'
import type { WireClient } from '../sim/xapi/wire-client.ts'
import type { World } from './world.ts'

export const PLUGIN = fileURLToPath(new URL('../../dist/plugins/xscontainer', import.meta.url))

export type PluginArgs = Readonly<Record<string, string>>

/** A GUI as the plugin knows it: how it calls, and what it makes of the answer. */
export interface PluginClient {
  /** The payload of the answer. Rejects with the failure, its description joined by `|`. */
  call(fn: string, vm: { readonly ref: string; readonly uuid: string }, args?: PluginArgs): Promise<string>
}

/** Puts the built plugin on every host, alone, as a pack does; the daemons of a host share its settings. */
export function installPlugin(world: World): void {
  if (!existsSync(PLUGIN)) throw new Error('dist/ is missing: run make build first')
  for (const host of world.pool.hosts) {
    copyFileSync(PLUGIN, join(host.pluginsDir, 'xscontainer'))
    const config = join(world.dir, `plugin-${host.index}.toml`)
    writeFileSync(config, readFileSync(world.configFile(host, pluginLogFile(world, host))))
    host.pluginEnv['XSCONTAINER_CONFIG'] = config
  }
}

export function pluginLogFile(world: World, host: SimHost = world.pool.hosts[0]!): string {
  return join(world.dir, `plugin-${host.index}.log`)
}

/** Until then the plugin does everything itself. */
export async function untilDaemonsListen(world: World): Promise<void> {
  const sockets = world.pool.hosts.slice(0, world.daemons.length).map(({ index }) => `host-${index}.sock`)
  await world.until('the daemons listen', () => sockets.every((name) => existsSync(join(world.dir, name))))
}

/** What the plugin has logged on this host. */
export function pluginLog(world: World, host?: SimHost): string {
  const file = pluginLogFile(world, host)
  return existsSync(file) ? readFileSync(file, 'utf8') : ''
}

/** Calls the pool's coordinator, wherever the VM is. */
export async function xenCenter(world: World): Promise<PluginClient> {
  const { client, session } = await login(world)
  return {
    async call(fn, vm, args = {}) {
      const { ref } = world.pool.coordinator
      const params = [session, ref, 'xscontainer', fn, { vmuuid: vm.uuid, ...args }] as const
      return withoutTrue(await withoutDefect(client().text('host.call_plugin', ...params)))
    },
  }
}

/** Calls the host that the VM is on, the coordinator where there is none. */
export async function xenOrchestra(world: World): Promise<PluginClient> {
  const { client, session } = await login(world)
  return {
    async call(fn, vm, args = {}) {
      const on = await client().text('VM.get_resident_on', session, vm.ref)
      const host = on === 'OpaqueRef:NULL' ? world.pool.coordinator.ref : on
      const params = [session, host, 'xscontainer', fn, { vmuuid: vm.uuid, ...args }] as const
      return withoutTrue(await withoutDefect(client().text('host.call_plugin', ...params)))
    },
  }
}

/** Calls the plugin of one host, with exactly these args. */
export async function callHost(world: World, host: SimHost, fn: string, args: PluginArgs): Promise<string> {
  const { client, session } = await login(world)
  return withoutDefect(client().text('host.call_plugin', session, host.ref, 'xscontainer', fn, args))
}

/** A failure that nobody has thought of is a defect, whatever else it says. */
async function withoutDefect(answer: Promise<string>): Promise<string> {
  const failed = await answer.then(
    () => '',
    (error: unknown) => String(error),
  )
  if (/Unexpected error|failed to parse plugin output/.test(failed))
    throw new Error(`a defect of the plugin: ${failed}`)
  return answer
}

/** Each call has a connection of its own: one connection carries one call at a time. */
async function login(world: World): Promise<{ client: () => WireClient; session: string }> {
  const session = await world.client().login()
  return { client: () => world.client(), session }
}

function withoutTrue(result: string): string {
  if (!result.startsWith('True')) throw new Error(`not a success: ${result}`)
  return result.slice(4)
}

export interface PluginRun {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Runs the plugin as a process with these very arguments, in XAPI's environment. */
export function runPlugin(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<PluginRun> {
  const child = spawn(PLUGIN, argv, { cwd: '/', env: { PATH: '/sbin:/usr/sbin:/bin:/usr/bin', ...env } })
  child.stdin.end()
  const text = { out: '', err: '' }
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text.out += chunk))
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (text.err += chunk))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, ...text }))
  })
}

export { pluginArgument }
