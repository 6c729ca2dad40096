import { once } from 'node:events'
import { Agent } from 'node:http'
import type { Duplex } from 'node:stream'
import Docker from 'dockerode'
import ssh2, { type Client, type ClientChannel } from 'ssh2'
import { ed25519Pair } from './host-keys.ts'

export interface Login {
  readonly privateKey: string
  /** The line for authorized_keys. */
  readonly line: string
}

const logins = new Map<string, Login>()

/** A key pair; the same one for the same arguments, since making RSA keys takes long. */
export function loginOf(type: 'ed25519' | 'rsa', number = 1): Login {
  const known = logins.get(`${type} ${number}`)
  if (known) return known
  const pair = type === 'rsa' ? ssh2.utils.generateKeyPairSync('rsa', { bits: 2048 }) : ed25519Pair()
  const login = { privateKey: pair.private, line: pair.public.trim() }
  logins.set(`${type} ${number}`, login)
  return login
}

/** A bare ssh2 client that is logged in to the guest. Rejects with ssh2's own error. */
export async function connect(
  guest: { readonly address: string; readonly port: number },
  privateKey: string,
  username = 'core',
  onHostKey: (key: Buffer) => void = () => undefined,
): Promise<Client> {
  const client = new ssh2.Client()
  const hostVerifier = (key: Buffer) => {
    onHostKey(key)
    return true
  }
  client.on('error', () => undefined)
  const ready = once(client, 'ready')
  client.connect({ host: guest.address, port: guest.port, username, privateKey, hostVerifier, readyTimeout: 0 })
  await ready
  client.setNoDelay(true)
  return client
}

export function openSocket(client: Client, path: string): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    client.openssh_forwardOutStreamLocal(path, (error, channel) => (error ? reject(error) : resolve(channel)))
  })
}

export interface CommandResult {
  code: number | null
  out: string
  err: string
}

/** What a command says when it is given `input` and then the end of input. */
export function run(client: Client, command: string, input = ''): Promise<CommandResult> {
  const result: CommandResult = { code: null, out: '', err: '' }
  return new Promise((resolve, reject) => {
    // All listeners at once: the exit status of a short command comes in the packet behind the answer.
    client.exec(command, (error, channel) => {
      if (error) return reject(error)
      channel.on('data', (data: Buffer) => (result.out += data.toString()))
      channel.stderr.on('data', (data: Buffer) => (result.err += data.toString()))
      channel.on('exit', (code: number | null) => (result.code = code))
      channel.on('close', () => resolve(result))
      channel.end(input)
    })
  })
}

/** Everything that the stream brings until it ends, closes, or has brought `enough` bytes. */
export async function readAll(stream: Duplex, enough = Infinity): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  await new Promise<void>((resolve) => {
    stream.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      size += chunk.length
      if (size >= enough) resolve()
    })
    stream.on('end', resolve).on('close', resolve).on('error', resolve)
  })
  return Buffer.concat(chunks).toString()
}

/** dockerode with a stream of the caller's for every connection. */
export function dockerOn(openStream: () => Duplex, version?: string): Docker {
  const agent = new Agent({ keepAlive: false })
  Object.assign(agent, { createConnection: openStream })
  const options = { protocol: 'http', host: 'engine', port: 80, agent, ...(version ? { version } : {}) }
  return new Docker(options as Docker.DockerOptions)
}
