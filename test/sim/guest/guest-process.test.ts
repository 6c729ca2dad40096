import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { GuestProcess } from './guest-process-handle.ts'
import { loginOf, connect, openSocket, readAll } from './peers.ts'

const user = loginOf('ed25519')
const users = { core: { authorizedKeys: [user.line], groups: ['docker'] } }
const processes: GuestProcess[] = []

afterEach(async () => {
  for (const each of processes.splice(0)) await each.stop()
})

function guests(): GuestProcess {
  const made = new GuestProcess()
  processes.push(made)
  return made
}

test('guests in another process are reached over SSH and driven by verbs', async () => {
  const there = guests()
  const address = '127.1.5.1'
  const { port, hostKey } = await there.start('a', {
    address,
    users,
    flavour: 'docker-29',
    containers: [{ name: 'web' }],
  })
  const client = await connect({ address, port }, user.privateKey, 'core', (key) => {
    expect(key.toString('base64')).toBe(hostKey)
  })
  const events = await openSocket(client, '/run/docker.sock')
  events.write('GET /events HTTP/1.0\r\n\r\n')
  await expect.poll(async () => (await there.call('report', 'a')).eventStreams).toBe(1)
  const id = await there.call('run', 'a', { name: 'db' })
  await there.call('pause', 'a', 'db')
  const report = await there.call('report', 'a')
  expect(report.containers[0]).toEqual({ id, names: ['/db'], state: 'paused' })
  expect(report).toMatchObject({ counters: { open: 1, channelsOpened: 1 }, requests: { 'GET /events': 1 } })
  await there.stopGuest('a')
  expect((await readAll(events)).match(/"Action":"\w+"/g)).toEqual(
    ['create', 'start', 'pause'].map((action) => `"Action":"${action}"`),
  )
  client.destroy()
})

test('behaviours begin and end by name', async () => {
  const there = guests()
  const address = '127.1.5.2'
  const { port } = await there.start('a', { address, users, behaviours: ['key-not-installed'] })
  await expect(connect({ address, port }, user.privateKey)).rejects.toThrow('authentication methods failed')
  await there.call('unbehave', 'a', 'key-not-installed')
  const client = await connect({ address, port }, user.privateKey)
  client.destroy()
})

test('what cannot be done is an error here', async () => {
  const there = guests()
  await expect(there.call('freeze', 'nobody')).rejects.toThrow('No guest nobody')
  await there.start('a', { address: '127.1.5.3' })
  await expect(there.call('behave', 'a', 'nonsense')).rejects.toThrow('No behaviour nonsense')
  await expect(there.call('pause', 'a', 'nothing')).rejects.toThrow('No such container: nothing')
  await expect(there.start('a', { address: '127.1.5.3' })).rejects.toThrow('already')
})

test('calls under way fail when the process ends', async () => {
  const there = guests()
  await there.start('a', { address: '127.1.5.4' })
  process.kill(there.pid!, 'SIGKILL')
  await expect(there.call('report', 'a')).rejects.toThrow()
})

test('lines of JSON on standard input do the same, and its end ends the process', async () => {
  const main = fileURLToPath(new URL('./guest-process.ts', import.meta.url))
  const child = spawn(process.execPath, ['--import', 'tsx', main], { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.write('{"id":1,"verb":"start","guest":"a","args":[{"address":"127.1.5.5"}]}\n')
  child.stdin.write('{"id":2,"verb":"report","guest":"b"}\n')
  let out = ''
  child.stdout.on('data', (data: Buffer) => (out += data.toString()))
  await expect.poll(() => out.split('\n').length, { timeout: 20_000 }).toBe(3)
  const answers = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { id: number })
  expect(answers.sort((a, b) => a.id - b.id)).toMatchObject([
    { id: 1, value: { port: expect.any(Number) as number } },
    { id: 2, error: 'No guest b' },
  ])
  child.stdin.end()
  expect(await once(child, 'exit')).toEqual([0, null])
})
