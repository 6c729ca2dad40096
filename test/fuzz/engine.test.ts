import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DiagnosedError } from '../../src/base/errors.ts'
import { TokenBucket } from '../../src/base/token-bucket.ts'
import { chooseApiVersion, productOf } from '../../src/engine/api-version.ts'
import { readContainers } from '../../src/engine/container-list.ts'
import { Demultiplexer } from '../../src/engine/demultiplexer.ts'
import { readEvents, type EngineEvent } from '../../src/engine/event-stream.ts'
import { isRecord } from '../../src/engine/replies.ts'
import { containerEntry } from '../../src/documents/container-entry.ts'
import { hasOwnPast, statsRow } from '../../src/operations/stats-row.ts'
import { InMemoryEngine, raw } from '../engine/in-memory-engine.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { corpus } from './corpus.ts'
import { holds } from './holds.ts'
import { anyJson, anyObject, anyText, bent, chunked, cuts, damagedBytes, thrownBy } from './inputs.ts'

const SIGNAL = new AbortController().signal
const MOST_LINE = 5000

/** All that the event reader tells of these bytes, and what it ends with. */
async function told(bytes: Buffer, sizes: readonly number[]): Promise<{ events: EngineEvent[]; error: unknown }> {
  const events: EngineEvent[] = []
  const stream = (async function* () {
    yield* chunked(bytes, sizes)
  })()
  const pace = new TokenBucket(new FakeClock(), 1e9, 1e9)
  const error = await thrownBy(() => readEvents(stream, MOST_LINE, pace, (event) => events.push(event), SIGNAL))
  return { events, error }
}

const START = { status: 'start', id: 'abc', Type: 'container', Action: 'start', Actor: { ID: 'abc', Attributes: {} } }
const eventLine = bent(START).map((event) => JSON.stringify(event) ?? '')

describe('events', () => {
  test('whatever comes and however it is cut: the same bounded events, and the same end', async () => {
    const noise = fc.oneof(anyText, eventLine, eventLine, fc.constant('x'.repeat(MOST_LINE + 1)))
    const stream = fc.array(noise, { maxLength: 8 }).map((lines) => Buffer.from(lines.join('\n')))
    await holds(
      fc.asyncProperty(stream, cuts, async (bytes, sizes) => {
        const { events, error } = await told(bytes, sizes)
        for (const { type, action, id } of events) {
          expect(Math.max(type.length, action.length, id.length)).toBeLessThanOrEqual(128)
          expect(action).not.toBe('')
        }
        if (error !== undefined) expect(error).toBeInstanceOf(DiagnosedError)
        const whole = await told(bytes, [bytes.length + 1])
        expect([whole.events, String(whole.error)]).toEqual([events, String(error)])
      }),
      {
        numRuns: 120,
        examples: corpus.eventStreams.map((text): [Buffer<ArrayBuffer>, number[]] => [Buffer.from(text), [7]]),
      },
    )
  })

  test('of JSON lines, each that has an action is told, in order', async () => {
    const events = fc.array(bent(START), { maxLength: 6 })
    await holds(
      fc.asyncProperty(events, cuts, async (list, sizes) => {
        const bytes = Buffer.from(list.map((event) => `${JSON.stringify(event)}\r\n`).join(''))
        fc.pre(!list.some((event) => Buffer.byteLength(JSON.stringify(event)) > MOST_LINE))
        const { events: seen, error } = await told(bytes, sizes)
        expect(error).toBeUndefined()
        const actions = list.map((event) => actionOf(event)).filter((action) => action !== '')
        expect(seen.map(({ action }) => action)).toEqual(actions)
      }),
      { numRuns: 70 },
    )
  })
})

describe('long lists of containers', () => {
  const container = {
    ...{ Id: 'abc', Names: ['/web'], Image: 'i', Command: 'sh', Created: 7, State: 'running', Status: 'Up (healthy)' },
    ...{ Ports: [{ IP: '::', PrivatePort: 1, PublicPort: 2, Type: 'tcp' }], Health: { Status: 'healthy' } },
    Labels: { 'com.docker.compose.project': 'shop', other: 'x' },
  }

  test('are read to the same entries as if JSON.parse had read all of them', () => {
    holds(
      fc.property(fc.array(bent(container), { maxLength: 5 }), fc.constantFrom(undefined, '\n '), (list, space) => {
        const text = JSON.stringify(list, undefined, space)
        const reading = readContainers(Buffer.from(text + ' '.repeat(70_000)))
        let step = reading.next()
        while (step.done !== true) step = reading.next()
        const entries = (items: unknown) => (items as unknown[]).filter(isRecord).map(containerEntry)
        expect(entries(step.value)).toEqual(entries(JSON.parse(text)))
      }),
      { numRuns: 300 },
    )
  })
})

/** As the engines' documents say: the new member, else the old one, up to a colon. */
function actionOf(event: unknown): string {
  const of = (name: string): string => {
    const value: unknown = typeof event === 'object' && event !== null ? Reflect.get(event, name) : undefined
    return typeof value === 'string' ? value : ''
  }
  const word = (of('Action') || of('status')).slice(0, 128)
  const plain = (/[\uD800-\uDBFF]$/.test(word) ? word : word).split(':')[0]!.trim()
  return plain === 'died' ? 'die' : plain
}

test('output: whatever comes and however it is cut, no byte is made up, lost or sent the other way', () => {
  const frame = fc.record({ kind: fc.integer({ min: 0, max: 3 }), data: fc.uint8Array({ maxLength: 80 }) })
  holds(
    fc.property(fc.array(frame, { maxLength: 6 }), cuts, (frames, sizes) => {
      const bytes = Buffer.concat(frames.flatMap(({ kind, data }) => [head(kind, data.length), data]))
      const demultiplexer = new Demultiplexer(() => new Error('malformed'))
      const out = { out: [] as Buffer[], err: [] as Buffer[] }
      for (const chunk of chunked(bytes, sizes)) {
        for (const { from, data } of demultiplexer.push(chunk)) out[from].push(data)
      }
      const sent = (err: boolean) =>
        Buffer.concat(frames.filter(({ kind }) => kind > 1 === err).map(({ data }) => data))
      expect([Buffer.concat(out.out), Buffer.concat(out.err)]).toEqual([sent(false), sent(true)])
      expect(demultiplexer.whole).toBe(true)
    }),
  )
  holds(
    fc.property(fc.uint8Array({ maxLength: 200 }), cuts, (noise, sizes) => {
      const demultiplexer = new Demultiplexer(() => new Error('malformed'))
      let length = 0
      try {
        for (const chunk of chunked(Buffer.from(noise), sizes)) {
          for (const { data } of demultiplexer.push(chunk)) length += data.length
        }
      } catch (error) {
        expect(String(error)).toBe('Error: malformed')
      }
      expect(length).toBeLessThanOrEqual(noise.length)
    }),
  )
})

function head(kind: number, length: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt8(kind, 0)
  bytes.writeUInt32BE(length, 4)
  return bytes
}

test('version and product: of any document, a version that can stand in a path, or a refusal', async () => {
  const document = bent({ ApiVersion: '1.41', MinAPIVersion: '1.12', Components: [{ Name: 'Engine' }] })
  await holds(
    fc.asyncProperty(fc.oneof(document, anyObject), async (any) => {
      fc.pre(typeof any === 'object' && any !== null)
      const about = any as Readonly<Record<string, unknown>>
      expect(['docker', 'podman']).toContain(productOf(about))
      const error = await thrownBy(() => expect(chooseApiVersion(about)).toMatch(/^\d+\.\d+$/))
      if (error !== undefined) expect(error).toBeInstanceOf(DiagnosedError)
    }),
  )
})

test('stats: of any sample, each figure is one that can be shown, or null', () => {
  const cpu = { cpu_usage: { total_usage: 100, percpu_usage: [1] }, system_cpu_usage: 1000, online_cpus: 2 }
  const sample = bent({
    cpu_stats: cpu,
    precpu_stats: { ...cpu, system_cpu_usage: 500, cpu_usage: { total_usage: 50 } },
    memory_stats: { usage: 1000, limit: 2000, stats: { inactive_file: 10 } },
    networks: { eth0: { rx_bytes: 1, tx_bytes: 2 } },
    blkio_stats: { io_service_bytes_recursive: [{ op: 'Read', value: 1 }] },
    pids_stats: { current: 3 },
    ...{ read: '2026-01-01T00:00:01Z', preread: '2026-01-01T00:00:00Z' },
  })
  holds(
    fc.property(sample, sample, (any, before) => {
      fc.pre(isObject(any) && isObject(before))
      const { id: _id, name: _name, ...figures } = statsRow('id', 'name', any, before)
      for (const figure of Object.values(figures)) {
        if (figure !== null) expect(Number.isFinite(figure) && figure >= 0, String(figure)).toBe(true)
      }
      expect(typeof hasOwnPast(any)).toBe('boolean')
    }),
    {
      examples: corpus.stats.map((any): [unknown, unknown] => [
        any,
        { ...any, cpu_stats: { cpu_usage: { total_usage: 0 } } },
      ]),
    },
  )
})

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

describe('replies', () => {
  const list = JSON.stringify([{ Id: 'abc', Names: ['/web'], State: 'running' }])
  const version = '{"ApiVersion":"1.41"}'
  const whole = [
    `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${list.length}\r\n\r\n${list}`,
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${list.length.toString(16)}\r\n${list}\r\n0\r\n\r\n`,
    'HTTP/1.1 500 Internal Server Error\r\nContent-Length: 17\r\n\r\n{"message":"no"}\n',
    'HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nxx',
    `HTTP/1.0 200 OK\r\n\r\n${list}`,
  ]

  test('whatever bytes an engine answers with: a list, or an error that says why; nothing stays open or pending', async () => {
    const reply = fc.oneof(
      fc.constantFrom(...whole).chain((text) => damagedBytes(Buffer.from(text))),
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    )
    await holds(
      fc.asyncProperty(reply, async (bytes) => {
        let asked = 0
        const ok = `HTTP/1.1 200 OK\r\nContent-Length: ${version.length}\r\nConnection: close\r\n\r\n${version}`
        const engine = new InMemoryEngine((stream) => raw(asked++ === 0 ? ok : bytes)(stream))
        const connected = await engine.connect()
        const error = await thrownBy(async () => {
          for (const item of await connected.list(SIGNAL)) expect(isObject(item)).toBe(true)
        })
        if (error !== undefined) expect(error).toBeInstanceOf(DiagnosedError)
        expect(engine.clock.pending).toBe(0)
      }),
      { numRuns: 300, examples: corpus.httpReplies.map((text): [Buffer] => [Buffer.from(text, 'latin1')]) },
    )
  })

  test('whatever JSON an engine answers with: processes are rows of texts', async () => {
    const table = bent({
      Titles: ['PID', 'CMD'],
      Processes: [
        ['1', 'sh'],
        ['2', 'x'],
      ],
    })
    await holds(
      fc.asyncProperty(fc.oneof(table, anyJson), async (json) => {
        const engine = InMemoryEngine.docker((_request, response) => response.end(JSON.stringify(json)))
        const connected = await engine.connect()
        const error = await thrownBy(async () => {
          const { titles, processes } = await connected.top('abc', SIGNAL)
          for (const cell of [...titles, ...processes.flat()]) expect(typeof cell).toBe('string')
        })
        if (error !== undefined) expect(error).toBeInstanceOf(DiagnosedError)
      }),
      { numRuns: 100 },
    )
  })
})
