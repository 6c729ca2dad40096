import { describe, expect, it } from 'vitest'
import { DeadlineError, RefusedError, TransientError } from '../../src/base/errors.ts'
import { ConnectionLostError } from '../../src/engine/errors.ts'
import { pruneTop, top, type TopSample } from '../../src/observations/top.ts'
import { BUDGET, context, engineWith, golden, processes, SIGNAL } from './support.ts'

const TITLES = ['PID', 'PPID', 'USER', 'TIME', 'CMD']
const DIAGNOSIS = { kind: 'x', cause: 'x', cure: 'x' }

/** One look at these containers: their processes as PID, TIME and CMD. */
function look(
  containers: Record<string, [pid: string, time: string, cmd: string][] | Error>,
  atMs = 0,
  previous?: TopSample,
): Promise<TopSample> {
  const engine = engineWith({
    top: (id) => {
      const rows = containers[id] ?? []
      if (rows instanceof Error) return Promise.reject(rows)
      return Promise.resolve({
        titles: TITLES,
        processes: rows.map(([pid, time, cmd]) => [pid, '1', 'root', time, cmd]),
      })
    },
  })
  return top.observe(engine, context(previous, { running: Object.keys(containers), monotonicMs: atMs }), SIGNAL)
}

const cpus = (value: TopSample) => value.containers.flatMap(({ processes }) => processes.map(({ cpu }) => cpu))

describe('docker_top', () => {
  it.each(['docker', 'podman'] as const)('of %s', async (name) => {
    const engine = engineWith({ top: () => Promise.resolve(processes(name)) })
    const id = 'c0ffee00d1e2d3c4b5a60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c'
    const value = await top.observe(
      engine,
      context<TopSample>(undefined, { running: [id], names: new Map([[id, 'web']]) }),
      SIGNAL,
    )
    await expect(top.encode(value, BUDGET)).toMatchFileSnapshot(golden(`docker_top.${name}`))
  })

  it('of a guest where nothing runs is an empty root', async () => {
    expect(top.encode(await look({}), BUDGET)).toBe('<docker_top/>')
  })

  it('tells the CPU used since the sample before, in percent of one CPU with one decimal', async () => {
    const first = await look({
      a: [
        ['1', '00:00:10', 'sh'],
        ['2', '00:00:00', 'idle'],
        ['3', '00:10:00', 'busy'],
      ],
    })
    expect(cpus(first)).toEqual([0, 0, 0])
    const second = await look(
      {
        a: [
          ['1', '00:00:13', 'sh'],
          ['2', '00:00:00', 'idle'],
          ['3', '00:11:30', 'busy'],
        ],
      },
      30_000,
      first,
    )
    expect(cpus(second)).toEqual([10, 0, 300])
    expect(top.encode(second, BUDGET)).toContain('<TIME>00:00:13</TIME><CPU>10.0</CPU><CMD>sh</CMD>')
  })

  it.each([
    ['another container', { b: [['1', '00:00:30', 'sh']] }],
    ['another PID', { a: [['2', '00:00:30', 'sh']] }],
    ['another command under the same PID', { a: [['1', '00:00:30', 'bash']] }],
    ['a time that went back', { a: [['1', '00:00:05', 'sh']] }],
    ['a time that is not understood', { a: [['1', 'soon', 'sh']] }],
  ] as const)('counts %s as a new process', async (_name, after) => {
    const first = await look({ a: [['1', '00:00:10', 'sh']] })
    expect(cpus(await look(structuredClone(after) as never, 30_000, first))).toEqual([0])
  })

  it('divides by no elapsed time', async () => {
    const first = await look({ a: [['1', '00:00:10', 'sh']] }, 5000)
    expect(cpus(await look({ a: [['1', '00:00:20', 'sh']] }, 5000, first))).toEqual([0])
    expect(cpus(await look({ a: [['1', '9999-00:00:00', 'sh']] }, 5001, first))).toEqual([100_000])
  })

  it.each([new RefusedError(DIAGNOSIS), new TransientError(DIAGNOSIS), new DeadlineError(DIAGNOSIS)])(
    'skips a container that fails with %s',
    async (error) => {
      const value = await look({ a: error, b: [['1', '00:00:10', 'sh']] })
      expect(value.containers.map(({ id }) => id)).toEqual(['b'])
    },
  )

  it('gives up when the connection is lost, at the second deadline, and for a defect', async () => {
    const lost = new ConnectionLostError(DIAGNOSIS)
    await expect(look({ a: lost, b: [] })).rejects.toBe(lost)
    const late = new DeadlineError(DIAGNOSIS)
    await expect(look({ a: new DeadlineError(DIAGNOSIS), b: late, c: [] })).rejects.toBe(late)
    const defect = new TypeError('x')
    await expect(look({ a: defect, b: [] })).rejects.toBe(defect)
  })

  it('asks for at most 200 containers, one after another', async () => {
    const asked: string[] = []
    let atOnce = 0
    const engine = engineWith({
      top: async (id) => {
        asked.push(id)
        expect((atOnce += 1)).toBe(1)
        await Promise.resolve()
        atOnce -= 1
        return { titles: TITLES, processes: [] }
      },
    })
    const running = Array.from({ length: 250 }, (_, index) => `c${index}`)
    const value = await top.observe(engine, context<TopSample>(undefined, { running }), SIGNAL)
    expect([asked.length, new Set(asked).size, value.left]).toEqual([200, 200, 50])
    expect(top.encode(value, BUDGET)).toContain('<truncated>50</truncated></docker_top>')
  })

  it('shows the busiest processes of each container when not all fit, and says how many are left out', async () => {
    const rows = (busy: string, time: string) =>
      Array.from({ length: 300 }, (_, pid): [string, string, string] => [
        `${pid}`,
        `${pid}` === busy ? time : '00:00:00',
        'x',
      ])
    const first = await look({ a: rows('250', '00:00:01'), b: rows('299', '00:00:01') })
    const second = await look({ a: rows('250', '00:00:09'), b: rows('299', '00:00:09') }, 10_000, first)
    const xml = top.encode(second, 5000)
    expect(Buffer.byteLength(xml)).toBeLessThanOrEqual(5000)
    expect(xml).toContain('<PID>250</PID><PPID>1</PPID><USER>root</USER><TIME>00:00:09</TIME><CPU>80.0</CPU>')
    expect(xml).toContain('<PID>299</PID>')
    expect(xml.match(/<\/processes><truncated>284<\/truncated><\/item>/g)).toHaveLength(2)
  })

  it('leaves out whole containers when even one process each is too much', async () => {
    const value = await look(
      Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`c${n}`, [['1', '0:00', 'sh']]])) as never,
    )
    const xml = top.encode(value, 2000)
    expect(Buffer.byteLength(xml)).toBeLessThanOrEqual(2000)
    const shown = xml.match(/<container>/g)?.length ?? 0
    expect(shown).toBeGreaterThan(5)
    expect(xml).toContain(`</item><truncated>${100 - shown}</truncated></docker_top>`)
  })

  it('keeps a bounded number of processes of all containers together', async () => {
    const rows = Array.from({ length: 600 }, (_, pid) => [`${pid}`, '0:00', 'x'])
    const value = await look(Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`c${n}`, rows])) as never)
    expect(value.containers[0]?.processes).toHaveLength(512)
    expect(cpus(value)).toHaveLength(4096)
  })

  it('has no empty process element whatever the engine sends', async () => {
    const xml = top.encode(
      await look({
        a: [
          ['', '', ''],
          [' ', '\0', '\n'],
        ],
      }),
      BUDGET,
    )
    expect(xml.slice(xml.indexOf('<processes>'))).not.toMatch(/\/>|<(\w+)>\s*<\/\1>/)
  })
})

describe('pruneTop', () => {
  it('drops containers that no longer run, and gives the same sample when all do', async () => {
    const value = await look({ a: [['1', '0:00', 'sh']], b: [] })
    expect(pruneTop(value, new Set(['a', 'b', 'c']))).toBe(value)
    expect(pruneTop(value, new Set(['b', 'c'])).containers.map(({ id }) => id)).toEqual(['b'])
  })
})
