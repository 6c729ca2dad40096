import { readFileSync } from 'node:fs'

/** What nearly all calls need of the configuration: paths. */
export interface ConfigGlance {
  readonly controlSocket: string
  readonly xapiSocket: string
  readonly inventory: string
}

/** As in config.ts, which takes longer to load than most calls take. */
const DEFAULTS: ConfigGlance = {
  controlSocket: '/run/xscontainer/control.sock',
  xapiSocket: '/var/lib/xcp/xapi',
  inventory: '/etc/xensource-inventory',
}
/** Where the daemon's is, if there is any. */
const INSTALLED = '/etc/xscontainer/xscontainer.toml'
/** A line that is no comment and may set one of them. */
const SETS_A_PATH = /^[^#\n]*(?:socket|inventory)/m

/** What $XSCONTAINER_CONFIG names; one that is set to nothing names nothing, as with most programs. */
export function configNamed(env: Readonly<Record<string, string | undefined>>): string | undefined {
  return env['XSCONTAINER_CONFIG'] || undefined
}

/** The path that $XSCONTAINER_CONFIG names, else the daemon's. */
export function configPath(env: Readonly<Record<string, string | undefined>>): string {
  return configNamed(env) ?? INSTALLED
}

/**
 * The paths in the configuration; undefined when they cannot be known because the file is wrong. No daemon runs with
 * such a file, and who reads all of it will say what is wrong.
 */
export async function glanceAtConfig(path: string): Promise<ConfigGlance | undefined> {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const absent = (error as NodeJS.ErrnoException).code === 'ENOENT'
    return absent && path === INSTALLED ? DEFAULTS : undefined
  }
  if (!SETS_A_PATH.test(text)) return DEFAULTS
  const { parse } = await import('smol-toml')
  try {
    return glanceAt(parse(text))
  } catch {
    return undefined
  }
}

type Section = Readonly<Record<string, unknown>> | undefined

function glanceAt(config: { readonly control?: Section; readonly xapi?: Section }): ConfigGlance | undefined {
  const controlSocket = config.control?.['socket'] ?? DEFAULTS.controlSocket
  const xapiSocket = config.xapi?.['socket'] ?? DEFAULTS.xapiSocket
  const inventory = config.xapi?.['inventory'] ?? DEFAULTS.inventory
  if (typeof controlSocket !== 'string' || typeof xapiSocket !== 'string' || typeof inventory !== 'string') return
  return { controlSocket, xapiSocket, inventory }
}
