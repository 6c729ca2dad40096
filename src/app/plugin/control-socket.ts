import { readFileSync } from 'node:fs'

/** As in config.ts, which no call needs to load for this one knob. */
const DEFAULT_SOCKET = '/run/xscontainer/control.sock'
/** A line that is no comment and may set a socket, the daemon's or another. */
const SETS_A_SOCKET = /^[^#\n]*socket/m

/**
 * Path of the daemon's socket by the configuration in `path`; undefined when that cannot be known because the file is
 * wrong. No daemon runs with such a file, and who reads all of it will say what is wrong.
 */
export async function controlSocket(path: string, mustExist: boolean): Promise<string | undefined> {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    return mustExist ? undefined : DEFAULT_SOCKET
  }
  if (!SETS_A_SOCKET.test(text)) return DEFAULT_SOCKET
  const { parse } = await import('smol-toml')
  try {
    const { control } = parse(text) as { control?: { socket?: unknown } }
    const socket = control?.socket ?? DEFAULT_SOCKET
    return typeof socket === 'string' ? socket : undefined
  } catch {
    return undefined
  }
}
