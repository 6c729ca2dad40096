import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import ssh2, { type AuthContext, type ClientInfo, type Connection, type ServerChannel, type ServerConfig } from 'ssh2'

/** What a simulated sshd does; left out: it logs everybody in, and refuses every channel. */
export interface GuestBehaviour {
  readonly config?: Partial<ServerConfig>
  /** Does not say which signatures it takes, as OpenSSH before 7.2. */
  readonly noSignatureList?: true
  login?(context: AuthContext): void
  /** A channel to a unix socket is asked for; doing nothing leaves the client waiting. */
  forward?(path: string, accept: () => ServerChannel, refuse: () => void): void
  exec?(command: string, accept: () => ServerChannel, refuse: () => void): void
  ready?(connection: Connection): void
}

export interface FakeGuest {
  readonly address: string
  readonly port: number
  /** TCP connections that are open now. */
  connections(): number
  /** Channels that are open now. */
  channels(): number
  stop(): Promise<void>
}

const hostKey = ssh2.utils.generateKeyPairSync('ed25519').private

/** A sshd made of ssh2's server half, for what a real one cannot be made to do. */
export async function startGuest(behaviour: GuestBehaviour, address = '127.77.0.21'): Promise<FakeGuest> {
  const sockets = new Set<Socket>()
  let channels = 0
  const counted = (accept: () => ServerChannel) => () => {
    const channel = accept()
    channels++
    channel.on('error', () => {}).once('close', () => channels--)
    channel.resume()
    return channel
  }
  const serve = (client: Connection, _info: ClientInfo) => {
    client.on('error', () => {})
    if (behaviour.noSignatureList) withoutSignatureList(client)
    client.on('authentication', (context) => (behaviour.login ?? acceptAll)(context))
    client.on('ready', () => behaviour.ready?.(client))
    client.on('openssh.streamlocal' as 'tcpip', (accept, refuse, info) => {
      const { socketPath } = info as unknown as { socketPath: string }
      if (behaviour.forward) behaviour.forward(socketPath, counted(accept), refuse)
      else refuse()
    })
    client.on('session', (accept, refuse) => {
      if (!behaviour.exec) return refuse()
      accept().on('exec', (acceptExec, refuseExec, { command }) =>
        behaviour.exec?.(command, counted(acceptExec), refuseExec),
      )
    })
  }
  const server = new ssh2.Server({ hostKeys: [hostKey], ...behaviour.config }, serve)
  const tcp = (server as unknown as { _srv: { on(event: 'connection', listener: (socket: Socket) => void): void } })
    ._srv
  tcp.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.listen(0, address)
  await once(server as unknown as NodeJS.EventEmitter, 'listening')
  return {
    address,
    port: (server.address() as { port: number }).port,
    connections: () => sockets.size,
    channels: () => channels,
    stop: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

/** ssh2's server half sends RFC 8308's server-sig-algs to everybody who can read it. */
function withoutSignatureList(client: Connection): void {
  const { _protocol: protocol } = client as unknown as {
    _protocol: { _kex: { remoteExtInfoEnabled: boolean }; _onHandshakeComplete: (...args: unknown[]) => void }
  }
  const complete = protocol._onHandshakeComplete
  protocol._onHandshakeComplete = (...args) => {
    protocol._kex.remoteExtInfoEnabled = false
    complete(...args)
  }
}

const acceptAll = (context: AuthContext) => context.accept()

/** Runs the command as sshd would, by `shell -c`; as another user when a uid is given. */
export function runCommand(
  channel: ServerChannel,
  command: string,
  options: { uid?: number; env?: NodeJS.ProcessEnv; shell?: string } = {},
): void {
  const { uid, env = process.env, shell = 'sh' } = options
  const child = spawn(shell, ['-c', command], { env, ...(uid === undefined ? {} : { uid, gid: uid }), cwd: '/' })
  channel.on('close', () => child.kill('SIGKILL'))
  channel.pipe(child.stdin)
  child.stdin.on('error', () => {})
  child.stdout.pipe(channel, { end: false })
  child.on('close', (code) => {
    channel.exit(code ?? 1)
    channel.end()
  })
}
