import { Agent, request } from 'node:http'
import type { Duplex } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { Client, type ConnectConfig } from 'ssh2'

/** A plain SSH client for checking the real parts by themselves, apart from the code under test. */
export function sshLogin(config: ConnectConfig): Promise<Client> {
  return new Promise((resolve, reject) => {
    const client = new Client()
    client.on('ready', () => resolve(client)).on('error', reject)
    client.connect({ readyTimeout: 20_000, ...config })
  })
}

/** Runs a command over SSH: its exit code and both outputs together. */
export function sshExec(client: Client, command: string): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    client.exec(command, (error, channel) => {
      if (error) return reject(error)
      let output = ''
      channel.on('data', (chunk: Buffer) => (output += chunk.toString()))
      channel.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
      channel.on('close', (code: number | null) => resolve({ code, output }))
    })
  })
}

/** GET over a stream-local channel to a unix socket in the guest; gives the body as JSON. */
export async function getOverSsh(client: Client, socketPath: string, path: string): Promise<unknown> {
  const stream = await new Promise<Duplex>((resolve, reject) => {
    client.openssh_forwardOutStreamLocal(socketPath, (error, channel) => (error ? reject(error) : resolve(channel)))
  })
  const agent = new Agent()
  agent.createConnection = () => stream
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: 'engine', path, agent }, (reply) => {
      buffer(reply).then((data) => resolve(JSON.parse(data.toString())), reject)
    })
    outgoing.on('error', reject)
    outgoing.end()
  })
}
