import { connect } from 'node:net'
import { text } from 'node:stream/consumers'

import { expect, test } from 'vitest'

import type { SimHost } from './sim-host.ts'
import { useTestPool } from './test-pool.ts'
import { plain } from './wire-client.ts'

const sim = useTestPool()

/** Everything the server sends until it closes. */
function exchange(bytes: string, host: SimHost = sim.coordinator): Promise<string> {
  const socket = connect(host.socketPath)
  socket.write(bytes)
  return text(socket)
}

function newVdi(size: number) {
  return sim.pool.db.create('VDI', { SR: sim.pool.objects.sr, virtual_size: String(size) })
}

const put = (vdi: string, body: string, headers = '', query = '') =>
  exchange(
    `PUT /import_raw_vdi?vdi=${vdi}&format=raw${query} HTTP/1.1\r\ncontent-length: ${body.length}\r\n${headers}\r\n${body}`,
  )

async function task(answer: string) {
  const ref = /task-id: (\S+)/.exec(answer)?.[1] ?? ''
  return plain(await sim.client.call('task.get_record', sim.session, ref))
}

test('what is imported comes out again, up to the size of the disk', async () => {
  const vdi = newVdi(8)
  const answer = await put(vdi.text('uuid'), 'hello')
  expect(answer).toMatch(/^HTTP\/1.1 200 OK\r\n/)
  expect(await task(answer)).toMatchObject({ status: 'success' })
  const exported = await exchange(`GET /export_raw_vdi?vdi=${vdi.ref}&format=raw HTTP/1.1\r\n\r\n`)
  expect(exported.split('\r\n\r\n')[1]).toBe('hello\0\0\0')
  expect(exported).not.toMatch(/content-length/i)
})

test('too much data: 200 all the same, the task fails', async () => {
  const answer = await put(newVdi(4).ref, 'hello')
  expect(answer).toMatch(/^HTTP\/1.1 200/)
  expect(await task(answer)).toMatchObject({ status: 'failure', error_info: ['VDI_IO_ERROR', expect.any(String)] })
})

test('a task of the caller', async () => {
  const ref = await sim.client.text('task.create', sim.session, 'mine', '')
  expect(await put(newVdi(8).ref, 'x', '', `&task_id=${ref}`)).toContain(`task-id: ${ref}`)
  expect(await sim.client.text('task.get_status', sim.session, ref)).toBe('success')
})

test.each([
  ['an unknown disk', '404', 'nothing', '', ''],
  ['an unknown format', '404', 'VDI', '', '&format=what'],
  ['Transfer-Encoding', '404', 'VDI', 'transfer-encoding: chunked\r\n', ''],
  ['a bad session', '401', 'VDI', '', '&session_id=bad'],
])('%s: %s', async (_, status, vdi, headers, query) => {
  const name = vdi === 'VDI' ? newVdi(8).ref : vdi
  const request = `PUT /import_raw_vdi?vdi=${name}${query} HTTP/1.1\r\ncontent-length: 0\r\n${headers}\r\n`
  expect(await exchange(request)).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
})

test('a host without the storage sends on to one that has it', async () => {
  const vdi = newVdi(8)
  const pbd = [...sim.pool.db.rows('PBD')].find((row) => row.get('host') === sim.member.ref)
  await sim.client.call('PBD.unplug', sim.session, pbd?.ref ?? '')
  const answer = await exchange(`GET /export_raw_vdi?vdi=${vdi.ref} HTTP/1.1\r\n\r\n`, sim.member)
  expect(answer).toMatch(/^HTTP\/1.1 302 /)
  expect(answer).toContain(`location: https://${sim.coordinator.address}/export_raw_vdi?vdi=`)
})
