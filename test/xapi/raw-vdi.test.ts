import { afterEach, describe, expect, test } from 'vitest'
import { StoppedError } from '../../src/base/errors.ts'
import { systemClock } from '../../src/base/clock.ts'
import { createLog } from '../../src/base/log.ts'
import { downloadRawVdi, uploadRawVdi, type RawVdiDeps } from '../../src/xapi/raw-vdi.ts'
import { XapiSession } from '../../src/xapi/session.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { stateOf } from '../fakes/late.ts'
import { useTestPool } from '../sim/xapi/test-pool.ts'
import { RawServer } from './raw-server.ts'

const { signal } = new AbortController()
const log = createLog('silent', { write: () => undefined })
const CONTENT = Buffer.from('#cloud-config\n'.repeat(1000))

describe('with XAPI', () => {
  const sim = useTestPool()
  const sessions: XapiSession[] = []

  function deps(host = sim.coordinator): RawVdiDeps {
    const session = new XapiSession({ socketPath: host.socketPath, clock: systemClock, log, callMs: 5000 })
    sessions.push(session)
    return { clock: systemClock, session, socketPath: host.socketPath }
  }

  afterEach(async () => {
    for (const session of sessions.splice(0)) await session.logout(signal)
    Object.assign(sim.pool.transferFaults, { cutAfter: undefined, status: undefined, stall: undefined })
    // Whatever happened, no task is left.
    expect([...sim.pool.db.rows('task')].filter((task) => task.get('name_label') === 'xscontainer')).toEqual([])
  })

  function newVdi(bytes: number) {
    const row = sim.pool.db.create('VDI', { SR: sim.pool.objects.sr, virtual_size: String(bytes) })
    return { ref: row.ref, uuid: row.text('uuid'), bytes }
  }

  test('what is sent is there, and comes back with zeros up to the size of the disk', async () => {
    const vdi = newVdi(CONTENT.length + 100)
    await uploadRawVdi(deps(), vdi, CONTENT, signal)
    expect(sim.pool.vdiContent(vdi.ref)).toEqual(CONTENT)
    const back = await downloadRawVdi(deps(), vdi, signal)
    expect(back).toEqual(Buffer.concat([CONTENT, Buffer.alloc(100)]))
  })

  test('several megabytes', async () => {
    const large = Buffer.alloc(9 * 1024 * 1024, 'abc')
    const vdi = newVdi(large.length)
    await uploadRawVdi(deps(), vdi, large, signal)
    expect((await downloadRawVdi(deps(), vdi, signal)).equals(large)).toBe(true)
  })

  test('an upload that XAPI gives up on after it has said 200: what its task says', async () => {
    sim.pool.transferFaults.cutAfter = 1
    await expect(uploadRawVdi(deps(), newVdi(1 << 20), Buffer.alloc(1 << 20), signal)).rejects.toMatchObject({
      code: 'VDI_IO_ERROR',
      message: /^XAPI refused Upload to VDI .*: VDI_IO_ERROR simulated/,
    })
  })

  test('a download that is cut off: how far it came', async () => {
    const vdi = newVdi(2 << 20)
    sim.pool.transferFaults.cutAfter = 1000
    await expect(downloadRawVdi(deps(), vdi, signal)).rejects.toThrow(
      `VDI ${vdi.uuid} could not be transferred: the connection ended after 1000 of ${vdi.bytes} bytes`,
    )
  })

  test.each([
    ['401 Unauthorized', 'TransientError', /does not know our session/],
    ['403 Forbidden', 'RefusedError', /its role is too small\. .*vm-admin/],
    ['404 Not Found', 'TransientError', /no such VDI, or no host/],
    ['500 Internal Server Error', 'TransientError', /HTTP status 500/],
  ] as const)('%s', async (status, name, message) => {
    sim.pool.transferFaults.status = status
    const vdi = newVdi(CONTENT.length)
    await expect(uploadRawVdi(deps(), vdi, CONTENT, signal)).rejects.toMatchObject({ name, message })
    await expect(downloadRawVdi(deps(), vdi, signal)).rejects.toMatchObject({ name, message })
  })

  test('a task that somebody cancels', async () => {
    sim.pool.transferFaults.stall = true
    const upload = uploadRawVdi(deps(), newVdi(CONTENT.length), CONTENT, signal)
    const settled = expect(upload).rejects.toThrow(/^Upload to VDI .* was stopped: its task is cancelled/)
    while ([...sim.pool.db.rows('task')].length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    for (const task of sim.pool.db.rows('task')) sim.pool.db.set(task, 'status', 'cancelled')
    await settled
  })

  test('an abort while XAPI does not read', async () => {
    sim.pool.transferFaults.stall = true
    const stop = new AbortController()
    const upload = uploadRawVdi(deps(), newVdi(8 << 20), Buffer.alloc(8 << 20), stop.signal)
    setTimeout(() => stop.abort(new StoppedError('Ctrl-C')), 50)
    await expect(upload).rejects.toThrow('Ctrl-C')
  })

  test('more than the disk holds is not even begun', async () => {
    await expect(uploadRawVdi(deps(), newVdi(4), CONTENT, signal)).rejects.toThrow(/do not fit in VDI/)
  })

  test('a disk that is gone', async () => {
    const gone = { uuid: '6e1c8cb1-5c8a-4e0b-8a55-1b0a2f0e3c11', bytes: 4 }
    await expect(downloadRawVdi(deps(), gone, signal)).rejects.toThrow(/6e1c8cb1.*no such VDI/)
  })
})

describe('with others in its place', () => {
  const SECRET = 'OpaqueRef:11111111-2222-3333-4444-555555555555'
  const VDI = { uuid: '6e1c8cb1-5c8a-4e0b-8a55-1b0a2f0e3c11', bytes: 5 }
  const servers: RawServer[] = []
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close()
  })

  /** A session whose task is as `statuses` say, one after the other. */
  function fake(
    socketPath: string,
    statuses: readonly string[],
    clock = systemClock,
  ): RawVdiDeps & { calls: string[] } {
    const calls: string[] = []
    let look = 0
    const call = (method: string): Promise<unknown> => {
      calls.push(method)
      if (method === 'task.create') return Promise.resolve('OpaqueRef:task')
      const status = statuses[Math.min(look++, statuses.length - 1)]
      return Promise.resolve({ status, error_info: status === 'failure' ? ['SR_FULL', '5', '4'] : [] })
    }
    return { clock, socketPath, calls, session: { call, reference: () => Promise.resolve(SECRET) } }
  }

  async function local(behave: Parameters<typeof RawServer.local>[0]) {
    const server = await RawServer.local(behave)
    servers.push(server)
    return server
  }

  async function remote(behave: Parameters<typeof RawServer.tls>[0]) {
    const server = await RawServer.tls(behave)
    servers.push(server)
    return server
  }

  test('the upload is over when the task says so, not with the connection', async () => {
    const server = await local((socket) => void socket.end('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n'))
    const deps = fake(server.socketPath, ['pending', 'pending', 'success'])
    await uploadRawVdi(deps, VDI, Buffer.from('hello'), signal)
    const look = 'task.get_record'
    expect(deps.calls).toEqual(['task.create', look, look, look, 'task.destroy'])
    expect(server.seen[0]?.head).toMatch(
      /^PUT \/import_raw_vdi\?.*task_id=OpaqueRef%3Atask.*&format=raw HTTP\/1\.1\r\n/,
    )
    expect(server.seen[0]?.head).toMatch(/content-length: 5/i)
  })

  test.each([
    ['what was sent is read back: it is done', 'hello', true],
    ['something else is read back: the task is waited for', 'hxllo', false],
  ])('a task that says nothing after the end of the connection: %s', async (_, there, done) => {
    const clock = new FakeClock()
    const server = await local(async (socket, { head }, wholeBody) => {
      if (head.startsWith('PUT ')) await wholeBody
      socket.end(`HTTP/1.1 200 OK\r\n\r\n${head.startsWith('PUT ') ? '' : there}`)
    })
    const deps = fake(server.socketPath, ['pending'], clock)
    const upload = stateOf(uploadRawVdi(deps, VDI, Buffer.from('hello'), signal))
    const ticks = async (seconds: number) => {
      for (let i = 0; i < seconds * 5; i++) {
        await clock.advance(200)
        await new Promise((resolve) => setTimeout(resolve, 1))
      }
    }
    await ticks(14)
    expect(server.seen.map(({ head }) => head.slice(0, 3))).toEqual(['PUT'])
    await ticks(30)
    expect(server.seen.map(({ head }) => head.slice(0, 3))).toEqual(['PUT', 'GET'])
    expect(upload.state).toBe(done ? 'fulfilled' : 'pending')
    expect(deps.calls.at(-1)).toBe(done ? 'task.destroy' : 'task.get_record')
  })

  test('a 200 that says it is complete (content-length: 0) does not end the body', async () => {
    let received = ''
    const server = await local(async (socket, seen, wholeBody) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')
      await wholeBody
      received = seen.body
      socket.end()
    })
    await uploadRawVdi(fake(server.socketPath, ['success']), VDI, Buffer.from('hello'), signal)
    expect(received).toBe('hello')
  })

  test('who closes its half of the connection first still gets all of the body', async () => {
    const large = Buffer.alloc(3 << 20, 'x')
    let received = 0
    let status = 'pending'
    const server = await local(async (socket, seen, wholeBody) => {
      socket.end('HTTP/1.1 200 OK\r\n\r\n')
      await wholeBody
      received = seen.body.length
      status = 'success'
    })
    const deps = fake(server.socketPath, [])
    deps.session.call = (method) => Promise.resolve(method === 'task.create' ? 'OpaqueRef:task' : { status })
    await uploadRawVdi(deps, { ...VDI, bytes: large.length }, large, signal)
    expect(received).toBe(large.length)
  })

  test('who says that it failed, but reads nothing and closes nothing', async () => {
    const server = await local((socket) => {
      socket.pause()
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
    })
    const upload = uploadRawVdi(
      fake(server.socketPath, ['failure']),
      { ...VDI, bytes: 8 << 20 },
      Buffer.alloc(8 << 20),
      signal,
    )
    await expect(upload).rejects.toThrow(/SR_FULL/)
  })

  test('who wants to see the body before the answer gets it', async () => {
    const clock = new FakeClock()
    const server = await local(async (socket, _seen, wholeBody) => {
      await wholeBody
      socket.end('HTTP/1.1 200 OK\r\n\r\n')
    })
    const done = uploadRawVdi(fake(server.socketPath, ['success'], clock), VDI, Buffer.from('hello'), signal)
    while (server.seen.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    expect(server.seen[0]?.body).toBe('')
    await clock.advance(5000)
    await done
    expect(server.seen[0]?.body).toBe('hello')
  })

  test('to another host, with the session and the task, whatever its certificate', async () => {
    const other = await remote(async (socket, _seen, wholeBody) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      await wholeBody
      socket.end()
    })
    const path = `/import_raw_vdi?vdi=${VDI.uuid}&format=raw`
    const first = await local(
      (socket) => void socket.end(`HTTP/1.1 302 Found\r\nlocation: https://127.0.0.1:${other.port}${path}\r\n\r\n`),
    )
    await uploadRawVdi(fake(first.socketPath, ['success']), VDI, Buffer.from('hello'), signal)
    expect(other.seen[0]?.body).toBe('hello')
    const query = new URLSearchParams(/\?(\S+) HTTP/.exec(other.seen[0]?.head ?? '')?.[1])
    expect(query.get('session_id')).toBe(SECRET)
    expect(query.get('task_id')).toBe('OpaqueRef:task')
    expect(query.getAll('vdi')).toEqual([VDI.uuid])
    expect(first.seen[0]?.body).toBe('')
  })

  test('a download from another host, in pieces with their lengths', async () => {
    const other = await remote(
      (socket) =>
        void socket.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n'),
    )
    const first = await local(
      (socket) =>
        void socket.end(`HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1:${other.port}/export_raw_vdi\r\n\r\n`),
    )
    expect((await downloadRawVdi(fake(first.socketPath, []), VDI, signal)).toString()).toBe('hello')
  })

  test('hosts that send on for ever, and one that sends to no address', async () => {
    const circle = await remote((socket) => {
      socket.end(`HTTP/1.1 302 Found\r\nlocation: https://127.0.0.1:${circle.port}/export_raw_vdi\r\n\r\n`)
    })
    const first = await local(
      (socket) => void socket.end(`HTTP/1.1 302 Found\r\nlocation: https://127.0.0.1:${circle.port}/\r\n\r\n`),
    )
    await expect(downloadRawVdi(fake(first.socketPath, []), VDI, signal)).rejects.toThrow(/hosts send on to each other/)
    expect(circle.seen).toHaveLength(3)
    const nowhere = await local((socket) => void socket.end('HTTP/1.1 302 Found\r\nlocation: http://x/\r\n\r\n'))
    await expect(downloadRawVdi(fake(nowhere.socketPath, []), VDI, signal)).rejects.toThrow(/no https address/)
  })

  test.each([
    ['no answer', ''],
    ['no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n\r\n'],
    ['a head without end', 'HTTP/1.1 200 OK\r\n' + 'x: y\r\n'.repeat(5000)],
  ])('%s: nothing of the session is in the error', async (_, answer) => {
    const server = await local((socket) => void socket.end(answer))
    const error: unknown = await downloadRawVdi(fake(server.socketPath, []), VDI, signal).catch((e: unknown) => e)
    expect(error).toMatchObject({ name: 'TransientError', diagnosis: { kind: 'vdi-transfer' } })
    expect(String(error)).not.toContain('OpaqueRef')
    expect(String(error)).toContain(VDI.uuid)
  })

  test('XAPI that is away', async () => {
    await expect(downloadRawVdi(fake('/nonexistent/xapi', []), VDI, signal)).rejects.toThrow(/broke off.*ENOENT/)
  })

  test('what hangs is given up after ten minutes', async () => {
    const clock = new FakeClock()
    const server = await local((socket) => void socket.write('HTTP/1.1 200 OK\r\n\r\nhe'))
    const download = downloadRawVdi(fake(server.socketPath, [], clock), VDI, signal)
    const settled = expect(download).rejects.toMatchObject({ name: 'DeadlineError' })
    while (server.seen.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    await clock.advance(10 * 60_000)
    await settled
  })

  test('the task says why it failed', async () => {
    const server = await local((socket) => void socket.end('HTTP/1.1 200 OK\r\n\r\n'))
    const deps = fake(server.socketPath, ['pending', 'failure'])
    await expect(uploadRawVdi(deps, VDI, Buffer.from('hello'), signal)).rejects.toThrow(/SR_FULL/)
    expect(deps.calls.at(-1)).toBe('task.destroy')
  })
})
