import { mkdir, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Containers } from './containers.ts'
import { engineRequest } from './engine-http.ts'
import { RealDockerd } from './real-dockerd.ts'
import { RealGuest } from './real-guest.ts'
import { RealPodman } from './real-podman.ts'
import { waitUntil } from './wait-until.ts'

// Rewrites test/golden/samples with what the installed engines answer, byte for byte (as root):
//   node --import tsx test/real/collect-samples.ts

const folder = fileURLToPath(new URL('../golden/samples/', import.meta.url))

interface Engine {
  readonly socket: string
  readonly containers: Containers
}

async function collect(name: string, engine: Engine): Promise<void> {
  const save = (what: string, data: Buffer | string) => writeFile(join(folder, `${name}-${what}.json`), data)
  const get = (path: string) => engineRequest(engine.socket, 'GET', path)
  const events = recordEvents(engine.socket)
  await makeContainers(name, engine.containers)
  await waitUntil('events arrived', () => events.text().includes('"pause"'))
  await save('version', await get('/version'))
  await save('info', await get('/info'))
  await save('containers', await get('/containers/json?all=1'))
  await save('inspect', await get('/containers/shop-web-1/json'))
  await save('top', await get('/containers/shop-web-1/top'))
  await save('top-columns', await get(`/containers/shop-web-1/top?${topColumns(name)}`).catch(String))
  await engine.containers.rename('bad', 'worse')
  await engine.containers.unpause('asleep')
  await engine.containers.rmAll()
  await waitUntil('removal events arrived', () => /"(destroy|remove)"/.test(events.text()))
  events.close()
  // One JSON document a line, as the engine streams them.
  await save('events', events.text())
}

const topColumns = (name: string) =>
  new URLSearchParams({
    ps_args: name === 'docker' ? '-eo pid,ppid,user,time,args' : 'pid,ppid,user,time,args',
  }).toString()

/** One container of each kind that clients show differently. */
async function makeContainers(name: string, containers: Containers): Promise<void> {
  const labels = {
    'com.docker.compose.project': 'shop',
    'com.docker.compose.service': 'web',
    'org.example/tier': 'front',
  }
  const busy = ['sh', '-c', 'sleep 1000 & while :; do :; done']
  const health = name === 'docker' ? { health: 'true' } : {}
  await containers.run({
    name: 'shop-web-1',
    ports: ['8080:80', '127.0.0.1:8443:443', '9000:9000/udp'],
    labels,
    ...health,
  })
  await containers.run({ name: 'busy', cmd: busy, network: 'none' })
  await containers.create({ name: 'fresh', network: 'none' })
  await containers.run({ name: 'asleep', network: 'none' })
  await containers.run({ name: 'bad', network: 'none', cmd: ['sh', '-c', 'echo "<a> & b]]>"; exit 3'] })
  await containers.until('bad', 'failed', ({ Status }) => Status.startsWith('Exited (3)'))
  await containers.run({ name: 'killed', network: 'none' })
  await containers.kill('killed')
  await containers.until('killed', 'killed', ({ Status }) => Status.startsWith('Exited'))
  if (name === 'docker') await containers.untilHealth('shop-web-1', 'healthy')
  await containers.pause('asleep')
}

function recordEvents(socketPath: string): { text(): string; close(): void } {
  let text = ''
  const stream = request({ socketPath, path: '/events', agent: false }, (reply) => {
    reply.on('data', (chunk: Buffer) => (text += chunk.toString()))
    reply.on('error', () => undefined)
  })
  stream.on('error', () => undefined)
  stream.end()
  return { text: () => text, close: () => stream.destroy() }
}

await mkdir(folder, { recursive: true })
const guest = await RealGuest.start()
try {
  await collect('docker', await RealDockerd.start(guest))
  await collect('podman', await RealPodman.start(guest))
} finally {
  await guest.stop()
}
