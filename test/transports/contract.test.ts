import { connect } from 'node:net'
import { startGuest } from './ssh/fake-guest.ts'
import { makeKey } from './ssh/keys.ts'
import { target as sshTarget, transport as ssh } from './ssh/trial.ts'
import { startEngine } from './ssh/unix-engine.ts'
import { makePki, partsOf } from './tls/pki.ts'
import { startTlsEngine } from './tls/tls-engine.ts'
import { target as tlsTarget, transport as tls } from './tls/trial.ts'
import { transportContract } from './contract.ts'

transportContract('ssh', async () => {
  const engine = await startEngine()
  const leave: (() => void)[] = []
  const guest = await startGuest(
    {
      ready: (connection) => void leave.push(() => connection.end()),
      forward(path, accept, refuse) {
        if (path !== engine.path) return refuse()
        const channel = accept()
        channel.pipe(connect(path).on('error', () => channel.destroy())).pipe(channel)
      },
    },
    '127.77.0.42',
  )
  return {
    transport: ssh(makeKey().key, guest.port),
    target: sshTarget(guest.address, { socketPath: engine.path }),
    connections: () => guest.connections(),
    leave: () => leave.at(-1)?.(),
    async stop() {
      await guest.stop()
      await engine.stop()
    },
  }
})

transportContract('tls', async () => {
  const pki = await makePki('127.77.0.43')
  const engine = await startTlsEngine(pki, {}, '127.77.0.43')
  return {
    transport: tls(partsOf(pki), engine.port),
    target: tlsTarget(engine.address),
    connections: engine.connections,
    leave: () => engine.leave(),
    stop: () => engine.stop(),
  }
})
