import { generateKeyPairSync } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import ssh2 from 'ssh2'

import { GuestFleet } from '../guest/guest-fleet.ts'
import type { SimPool } from './sim-pool.ts'

/** One port for all guests, because a daemon's configuration knows one. */
export const TRIAL_SSH_PORT = 2222

/**
 * Starts guests that speak SSH, each with an engine and some containers, registered in the pool as monitored VMs, and
 * gives the pool the key that they let in as user core.
 */
export async function startTrialGuests(pool: SimPool, count: number): Promise<GuestFleet> {
  const authorizedKey = givePoolKey(pool)
  const fleet = new GuestFleet()
  for (let i = 1; i <= count; i++) {
    const address = `127.1.0.${i}`
    const name = `guest-${i}`
    await fleet.start(name, {
      address,
      port: TRIAL_SSH_PORT,
      users: { core: { authorizedKeys: [authorizedKey], groups: ['docker'] } },
      containers: [
        { name: 'web', image: 'nginx:1.27', ports: [{ privatePort: 80, publicPort: 8000 + i }] },
        { name: 'db', image: 'postgres:17' },
      ],
    })
    const host = pool.hosts[(i - 1) % pool.hosts.length]
    pool.createVm({
      name,
      ...(host === undefined ? {} : { host }),
      networks: { '0/ip': address, '0/ipv4/0': address },
      otherConfig: { 'xscontainer-monitor': 'True' },
    })
  }
  return fleet
}

/** Writes, beside each host's socket, the configuration with which a daemon serves that host; gives the paths. */
export async function writeTrialConfigs(pool: SimPool): Promise<string[]> {
  const paths: string[] = []
  for (const host of pool.hosts) {
    const dir = dirname(host.socketPath)
    const lines = [
      '[xapi]',
      `socket = ${JSON.stringify(host.socketPath)}`,
      `inventory = ${JSON.stringify(host.inventoryPath)}`,
      '[guest]',
      `ssh_port = ${TRIAL_SSH_PORT}`,
      'allow_loopback = true',
      '[control]',
      `socket = ${JSON.stringify(join(dir, 'control.sock'))}`,
      '[log]',
      `file = ${JSON.stringify(join(dir, 'xscontainer.log'))}`,
    ]
    const path = join(dir, 'xscontainer.toml')
    await writeFile(path, `${lines.join('\n')}\n`)
    paths.push(path)
  }
  return paths
}

/** Stores a new key pair in two secrets that the pool names. The line for authorized_keys. */
function givePoolKey(pool: SimPool): string {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
  const parsed = ssh2.utils.parseKey(privateKey)
  if (parsed instanceof Error) throw parsed
  const line = `ssh-rsa ${parsed.getPublicSSH().toString('base64')} trial`
  for (const [key, value] of [
    ['xscontainer-private-secret-uuid', privateKey],
    ['xscontainer-public-secret-uuid', line],
  ] as const) {
    const secret = pool.db.create('secret', { value })
    pool.setMapKey('pool', pool.objects.pool, 'other_config', key, secret.text('uuid'))
  }
  return line
}
