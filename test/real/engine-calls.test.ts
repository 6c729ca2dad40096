import { connect } from 'node:net'
import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { diagnosisOf } from '../../src/base/errors.ts'
import type { Conversation } from '../../src/engine/conversation.ts'
import { Engine } from '../../src/engine/engine.ts'
import { FakeContext } from '../operations/fake-context.ts'
import { console } from '../../src/operations/console.ts'
import { getStats, type StatsDocument } from '../../src/operations/get-stats.ts'
import { getTop } from '../../src/operations/get-top.ts'
import type { Containers } from './containers.ts'
import { describeReal } from './describe-real.ts'
import { engineJson } from './engine-http.ts'
import { RealDockerd } from './real-dockerd.ts'
import { RealGuest } from './real-guest.ts'
import { RealPodman } from './real-podman.ts'

const LIMITS = { callMs: 15_000, replyBytes: 1_000_000, eventLineBytes: 100_000 }
const SIGNAL = new AbortController().signal

async function told({ output }: Conversation): Promise<[string, string]> {
  const all = { out: '', err: '' }
  for await (const { from, data } of output) all[from] += data.toString()
  return [all.out, all.err]
}

async function until(output: AsyncIterator<{ data: Buffer }>, text: RegExp): Promise<string> {
  let seen = ''
  while (!text.test(seen)) {
    const next = await output.next()
    if (next.done === true) throw new Error(`ended without ${String(text)}: ${seen}`)
    seen += next.value.data.toString()
  }
  return seen
}

/** A daemon's context, but for the engine, which is real. */
class RealContext extends FakeContext {
  readonly #real: Engine

  constructor(real: Engine) {
    super()
    this.#real = real
  }

  override engine(): Promise<Engine> {
    return Promise.resolve(this.#real)
  }
}

type RealEngine = { readonly socket: string; readonly containers: Containers }

function callsOf(name: 'dockerd' | 'podman', start: (guest: RealGuest) => Promise<RealEngine>): void {
  describeReal(`calls to a real ${name}`, [name], () => {
    let guest: RealGuest
    let real: RealEngine
    let engine: Engine

    beforeAll(async () => {
      guest = await RealGuest.start()
      real = await start(guest)
      const openStream = async (): Promise<Duplex> => {
        const socket = connect(real.socket)
        await once(socket, 'connect')
        return socket
      }
      engine = await Engine.open({ clock: systemClock, openStream }, LIMITS, SIGNAL)
      await real.containers.run({ name: 'web' })
    })
    afterAll(() => guest?.stop())

    const run = (words: readonly string[], more = {}) =>
      engine.exec('web', { command: words, tty: false, stdin: false, ...more }, SIGNAL)

    it('runs commands, with their output, error, input and exit code', async () => {
      const first = await run(['sh', '-c', 'echo one; echo two >&2; exit 3'])
      expect(await told(first)).toEqual(['one\n', 'two\n'])
      expect(await first.exitCode(SIGNAL)).toBe(3)

      const copy = await run(['cat'], { stdin: true })
      const all = told(copy)
      const block = Buffer.alloc(64_000, 'abcdefgh')
      for (let i = 0; i < 10; i++) await copy.write(block)
      copy.end()
      expect((await all)[0] === block.toString().repeat(10)).toBe(true)
      expect(await copy.exitCode(SIGNAL)).toBe(0)
    })

    it('has a console with a terminal of its own size', async () => {
      const context = new RealContext(engine)
      const stream = await console.open(context, { vmuuid: 'x', container: 'web' }, SIGNAL)
      const output = stream.output[Symbol.asyncIterator]()
      await until(output, /# /)
      await stream.resize(132, 43)
      await stream.write(Buffer.from('stty size; exit 7\r'))
      expect(await until(output, /\n43 132\r/)).toContain('43 132')
      await expect(until(output, /never/)).rejects.toThrow('ended')
      expect(await stream.exitCode(SIGNAL)).toBe(7)
    })

    it('says what cannot be run, or where', async () => {
      const missing = await run(['no-such-program']).then(
        async (stream) => [...(await told(stream)), await stream.exitCode(SIGNAL)].join(' '),
        (error: unknown) => String(error),
      )
      expect(missing).toMatch(/no-such-program/)
      const nowhere = engine.exec('nobody', { command: ['true'], tty: false, stdin: false }, SIGNAL)
      expect(diagnosisOf(await nowhere.catch((error: unknown) => error)).kind).toBe('engine-not-found')
    })

    it('gives the last lines of a log, and follows it to its end', async () => {
      const print = 'for i in 1 2 3 4 5; do echo line $i; done; echo bad >&2; sleep 1; echo last'
      await real.containers.run({ name: 'printer', cmd: ['sh', '-c', print], network: 'none' })
      await expect
        .poll(() => engine.logs('printer', { lines: 3 }, 10_000, SIGNAL).then(({ bytes }) => bytes.toString()))
        .toMatch(/^line \d\n/)
      const following = await engine.followLogs('printer', { lines: 100 }, SIGNAL)
      const [out, err] = await told(following)
      expect([out, err]).toEqual(['line 1\nline 2\nline 3\nline 4\nline 5\nlast\n', 'bad\n'])
      const { bytes } = await engine.logs('printer', { lines: 1 }, 10_000, SIGNAL)
      expect(bytes.toString()).toBe('last\n')
      const { bytes: none } = await engine.logs('printer', { lines: 9, since: 4_000_000_000 }, 10_000, SIGNAL)
      expect(none.toString()).toBe('')
    })

    it('keeps the end of what has no lines', async () => {
      const print = 'head -c 3000000 /dev/zero | tr "\\0" x; echo; echo end'
      await real.containers.run({ name: 'binary', cmd: ['sh', '-c', print], network: 'none' })
      await real.containers.until('binary', 'ended', ({ State }) => State === 'exited')
      const { bytes, cut } = await engine.logs('binary', { lines: 1000 }, 10_000, SIGNAL)
      // Podman's own tail leaves such a line out.
      if (name === 'dockerd') expect([bytes.length, cut]).toEqual([10_000, true])
      expect(bytes.toString()).toMatch(name === 'dockerd' ? /^x+\nend\n$/ : /^x*\nend\n$/)
    })

    it('tells what containers use, and their processes', async () => {
      const busy = await real.containers.run({
        name: 'busy',
        cmd: ['sh', '-c', 'while :; do :; done'],
        network: 'none',
      })
      const context = new RealContext(engine)
      const stats = JSON.parse(await getStats.run(context, { vmuuid: 'x' }, SIGNAL)) as StatsDocument
      const row = stats.containers.find(({ id }) => id === busy)
      expect(row?.name).toBe('busy')
      expect(row?.cpu_percent).toBeGreaterThan(5)
      expect(stats.containers.map(({ name }) => name)).toContain('web')
      const xml = await getTop.run(context, { vmuuid: 'x', object: 'busy' }, SIGNAL)
      expect(xml).toMatch(/<PID>\d+<\/PID>.*<TIME>\d\d:\d\d:\d\d<\/TIME>.*<CMD>sh -c while/)
      await real.containers.rm('busy')
    })

    it('starts, stops, pauses and unpauses; what is so already is fine', async () => {
      const state = async () =>
        (await engineJson<{ State: { Status: string } }>(real.socket, 'GET', '/containers/web/json')).State.Status
      await engine.act('web', 'start', SIGNAL)
      await engine.act('web', 'pause', SIGNAL)
      expect(await state()).toBe('paused')
      await engine.act('web', 'unpause', SIGNAL)
      await engine.act('web', 'restart', SIGNAL)
      expect(await state()).toBe('running')
      await engine.act('web', 'stop', SIGNAL)
      await engine.act('web', 'stop', SIGNAL)
      expect(await state()).toBe('exited')
      const error = await engine.act('web', 'pause', SIGNAL).catch((thrown: unknown) => thrown)
      expect(String(error)).toMatch(/not running/)
    })
  })
}

callsOf('dockerd', (guest) => RealDockerd.start(guest))
callsOf('podman', (guest) => RealPodman.start(guest))
