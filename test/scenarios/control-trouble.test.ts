import { existsSync, statSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { ControlUnavailable } from '../../src/control/client.ts'
import { encodeFrame, FRAME } from '../../src/control/frame.ts'
import { RawClient } from '../control/fixtures.ts'
import { silentEngine } from '../sim/guest/behaviours/silent-engine.ts'
import { askDaemon, socketOf } from './control-socket.ts'
import { World } from './world.ts'

const listening = (world: World) =>
  world.until('it listens', () => world.daemons[0]!.log().includes('listening on the control socket'))

test.concurrent('the socket is root-only, goes with the daemon, and a dead one is replaced', () =>
  World.during({}, async (world) => {
    const first = await world.startDaemon()
    await listening(world)
    expect(statSync(socketOf(world)).mode & 0o777).toBe(0o600)
    await askDaemon(world, 'version')
    await first.kill()
    expect(existsSync(socketOf(world))).toBe(true)
    await expect(askDaemon(world, 'version')).rejects.toBeInstanceOf(ControlUnavailable)
    const second = await world.startDaemon()
    await world.until('the new one listens', () => second.log().includes('listening on the control socket'))
    await askDaemon(world, 'version')
    expect(await second.terminate()).toBe(0)
    expect(existsSync(socketOf(world))).toBe(false)
  }),
)

test.concurrent('where somebody else listens, or no socket can be, the daemon goes on without', () =>
  World.during({ hosts: 2 }, async (world) => {
    const [here, there] = world.pool.hosts
    const other = createServer().listen(socketOf(world))
    await once(other, 'listening')
    writeFileSync(socketOf(world, 1), 'no socket')
    const daemons = [await world.startDaemon(here), await world.startDaemon(there)]
    const guests = [await world.addGuest({ host: here! }), await world.addGuest({ host: there! })]
    for (const guest of guests) await world.untilMonitored(guest)
    expect(daemons[0]!.log()).toMatch(/"level":"error".*answers there already.*no control socket/)
    expect(daemons[1]!.log()).toMatch(/"level":"error".*no socket.*no control socket/)
    expect(other.listening).toBe(true)
    other.close()
  }),
)

test.concurrent('a daemon that hangs is told from one that works, and one that dies in mid-call too', () =>
  World.during({}, async (world) => {
    const daemon = await world.startDaemon()
    const guest = await world.addGuest({ engine: { containers: [{ name: 'web' }] } })
    await world.untilMonitored(guest)
    daemon.freeze()
    const args = { vmuuid: guest.uuid, container: 'web' }
    await expect(askDaemon(world, 'pause', args)).rejects.toMatchObject({ diagnosis: { kind: 'daemon-hangs' } })
    daemon.resume()
    await askDaemon(world, 'refresh', { vmuuid: guest.uuid })
    // What nobody waited for any more has not been done behind our back.
    expect(world.containers(guest)['web']?.['status']).toBe('Up')
    guest.sim.freeze()
    const calling = askDaemon(world, 'pause', args).catch((error: unknown) => error)
    const client = new RawClient(socketOf(world))
    await client.next()
    await daemon.kill()
    expect(await calling).toMatchObject({ name: 'TransientError', diagnosis: { kind: 'daemon-lost' } })
  }),
)

test.concurrent('a guest that hangs holds up nobody else, and its caller is told', () =>
  World.during({}, async (world) => {
    await world.startDaemon()
    const containers = [{ name: 'web' }]
    const stuck = await world.addGuest({ engine: { containers } })
    const fine = await world.addGuest({ engine: { containers } })
    for (const guest of [stuck, fine]) await world.untilMonitored(guest)
    stuck.sim.behave(silentEngine())
    const waiting = askDaemon(world, 'get_inspect', { vmuuid: stuck.uuid, object: 'web' }).catch((e: unknown) => e)
    for (let i = 0; i < 10; i++) {
      await askDaemon(world, i % 2 === 0 ? 'pause' : 'unpause', { vmuuid: fine.uuid, container: 'web' })
    }
    let over = false
    void waiting.then(() => (over = true))
    expect(over).toBe(false)
    expect(await waiting).toMatchObject({ name: expect.stringMatching(/Error$/) as unknown, diagnosis: { cure: /./ } })
  }),
)

test.concurrent('fifty calls at once are all done, over one connection to the guest', () =>
  World.during({}, async (world) => {
    await world.startDaemon()
    const guest = await world.addGuest({ engine: { containers: [{ name: 'web' }] } })
    await world.untilMonitored(guest)
    const calls = Array.from({ length: 50 }, (_, i) =>
      i % 2 === 0
        ? askDaemon(world, 'get_top', { vmuuid: guest.uuid, object: 'web' })
        : askDaemon(world, 'get_inspect', { vmuuid: guest.uuid, object: 'web' }),
    )
    for (const answer of await Promise.all(calls)) expect(answer).toMatch(/^<docker_/)
    expect(guest.sim.counters.connections).toBe(1)
  }),
)

test.concurrent('more than 128 at once are refused in words, and room is made again', () =>
  World.during({}, async (world) => {
    await world.startDaemon()
    await listening(world)
    const idle = Array.from({ length: 128 }, () => new RawClient(socketOf(world)))
    for (const client of idle) expect((await client.next())?.[0]).toBe(FRAME.hello)
    await expect(askDaemon(world, 'version')).rejects.toMatchObject({ diagnosis: { kind: 'control-busy' } })
    idle[0]!.socket.destroy()
    // As soon as the daemon has noticed.
    const again = async (): Promise<string> =>
      askDaemon(world, 'version').catch((error: { diagnosis?: { kind: string } }) =>
        error.diagnosis?.kind === 'control-busy' ? again() : Promise.reject(new Error(JSON.stringify(error))),
      )
    expect(await again()).toContain('protocol')
    for (const client of idle) client.socket.destroy()
  }),
)

test.concurrent('garbage and requests without measure are refused, and cost the daemon nothing', () =>
  World.during({}, async (world) => {
    const daemon = await world.startDaemon()
    await listening(world)
    const wrong: readonly Buffer[] = [
      Buffer.from('GET /containers/json HTTP/1.1\r\n\r\n'),
      encodeFrame(FRAME.request, Buffer.alloc(256 * 1024 + 1, 'x')),
      encodeFrame(FRAME.request, 'not json'),
      encodeFrame(FRAME.request, '[]'),
      encodeFrame(FRAME.request, '{"protocol":1,"operation":7,"args":{}}'),
      encodeFrame(FRAME.request, '{"protocol":9,"operation":"version","args":{}}'),
      encodeFrame(FRAME.out, '{"protocol":1,"operation":"version","args":{}}'),
    ]
    for (const bytes of wrong) {
      const client = new RawClient(socketOf(world))
      expect((await client.next())?.[0]).toBe(FRAME.hello)
      client.socket.write(bytes)
      const reply = await client.next()
      expect(reply?.[0]).toBe(FRAME.reply)
      expect(JSON.parse(reply![1])).toMatchObject({ ok: false, error: { diagnosis: { kind: 'control-protocol' } } })
      expect(await client.next()).toBeUndefined()
    }
    const cut = connect(socketOf(world))
    await once(cut, 'connect')
    cut.write(encodeFrame(FRAME.request, '{"protocol":1}').subarray(0, 9))
    cut.destroy()
    await askDaemon(world, 'version')
    expect(daemon.log()).not.toContain('defect')
  }),
)
