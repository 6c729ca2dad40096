import { describe, expect, it } from 'vitest'
import { diagnosisOf } from '../../src/base/errors.ts'
import { getInspect } from '../../src/operations/get-inspect.ts'
import { getLogs } from '../../src/operations/get-logs.ts'
import { getStats, type StatsDocument } from '../../src/operations/get-stats.ts'
import { getTop, topDocument } from '../../src/operations/get-top.ts'
import type { Operation } from '../../src/operations/operation.ts'
import { settle } from '../fakes/fake-clock.ts'
import { answer, processes } from '../observations/support.ts'
import { FakeContext, refusal, SIGNAL, vmRecord } from './fake-context.ts'

const look = (context: FakeContext, operation: Operation, more: Readonly<Record<string, string>> = {}) =>
  operation.run(context, { vmuuid: 'x', object: 'web', ...more }, SIGNAL)
const web = { name: 'web', processes: [{ pid: 7, command: 'nginx -g "a & b"', cpuSeconds: 65, cpuRate: 0.5 }] }

describe('get_inspect', () => {
  it('gives the document with its members as elements', async () => {
    const xml = await look(new FakeContext({ containers: [web] }), getInspect)
    expect(xml).toMatch(/^<docker_inspect><Id>[0-9a-f]{64}<\/Id>/)
    expect(xml).toContain('<Name>/web</Name>')
    expect(xml).toMatch(/<State><Status>running<\/Status><Running>True<\/Running>.*<\/docker_inspect>$/)
  })

  it('leaves out what is too much, and says so', async () => {
    const env = Object.fromEntries(Array.from({ length: 9000 }, (_, i) => [`label${i}`, 'x'.repeat(50)]))
    const xml = await look(new FakeContext({ containers: [{ ...web, labels: env }] }), getInspect)
    expect(Buffer.byteLength(xml)).toBeLessThan(262_144)
    expect(xml).toContain('<Name>/web</Name>')
    expect(xml).toContain('<truncated>1</truncated>')
  })
})

describe('get_inspect as JSON', () => {
  it.each([
    ['to be written again', 90_000],
    ['to be shown', 3000],
  ])('refuses a document that is too deep %s', async (_, levels) => {
    const context = new FakeContext({ containers: [web] })
    context.sim.addFaults({
      request(req, res) {
        if (!/containers\/web\/json/.test(req.url ?? '')) return false
        const deep = `${'['.repeat(levels)}${']'.repeat(levels)}`
        res.setHeader('Content-Type', 'application/json').end(`{"Id":"x","Config":${deep}}`)
        return true
      },
    })
    await expect(look(context, getInspect, { format: 'json' })).rejects.toThrow(/deeper than any container's document/)
  })
})

describe('get_top', () => {
  it('gives the columns of the engine', async () => {
    const xml = await look(new FakeContext({ containers: [web] }), getTop)
    expect(xml).toMatch(
      /^<docker_top><item><Process><UID>root<\/UID><PID>7<\/PID><PPID>\d+<\/PPID><C>50<\/C><STIME>\d\d:\d\d<\/STIME><TTY>\?<\/TTY><TIME>00:01:05<\/TIME><CMD>nginx -g "a &amp; b"<\/CMD><\/Process><\/item><\/docker_top>$/,
    )
  })

  it.each([
    ['docker', processes('docker')],
    ['podman', processes('podman')],
    [
      'what Podman answers unasked',
      { titles: answer('podman', 'top').Titles, processes: answer('podman', 'top').Processes },
    ],
    [
      'windows',
      {
        titles: ['Name', 'PID', 'CPU', 'Private Working Set'],
        processes: [['smss.exe', '4', '00:00:01.250', '212kB']],
      },
    ],
    ['custom ps', { titles: ['PID', 'COMMAND'], processes: [['1', 'sh'], ['2', ''], ['3']] }],
    ['no titles', { titles: [], processes: [['1']] }],
    [
      'hostile titles',
      { titles: ['', '<x>', 'a b', '__proto__', 'PID', 'xmlfoo'], processes: [['', '</item>', ' ', '', '\0', '\x1B']] },
    ],
  ])('has PID, TIME and CMD, and no empty element: %s', (_name, table) => {
    const xml = topDocument(table as ReturnType<typeof processes>)
    const all = xml.split('<Process>').slice(1)
    expect(all).toHaveLength((table.processes as unknown[]).length)
    for (const process of all) {
      for (const name of ['PID', 'TIME', 'CMD'])
        expect(process.match(new RegExp(`<${name}>[^<]+</${name}>`, 'g'))).toHaveLength(1)
    }
    expect(xml).not.toMatch(/<[^/>]+\/>|<([^/ >]+)[^>]*><\/\1>/)
  })

  it('reads Windows', () => {
    const table = {
      titles: ['Name', 'PID', 'CPU', 'Private Working Set'],
      processes: [['smss.exe', '4', '00:00:01.250', '212kB']],
    }
    expect(topDocument(table)).toContain('<PID>4</PID><CPU>00:00:01.250</CPU>')
    expect(topDocument(table)).toContain('<TIME>00:00:01</TIME><CMD>smss.exe</CMD>')
  })

  it('is empty without processes, and tells how many were too many', () => {
    expect(topDocument({ titles: ['PID'], processes: [] })).toBe('<docker_top/>')
    const many = Array.from({ length: 10_000 }, (_, i) => [String(i), 'x'.repeat(200)])
    const xml = topDocument({ titles: ['PID', 'CMD'], processes: many })
    expect(Buffer.byteLength(xml)).toBeLessThanOrEqual(262_144)
    expect(xml).toContain(`<truncated>${10_000 - xml.split('<Process>').length + 1}</truncated>`)
  })

  it.each(['docker-20.10', 'podman-4'] as const)('passes on that the container does not run: %s', async (flavour) => {
    const context = new FakeContext({ flavour, containers: [{ ...web, state: 'exited' }] })
    const error = await refusal(look(context, getTop))
    expect(diagnosisOf(error).kind).toBe('engine-conflict')
    expect(String(error)).toContain('is not running')
  })
})

describe('get_logs', () => {
  it('gives the last lines as plain text', async () => {
    const log = Array.from({ length: 300 }, (_, i) => `\x1B[32mline ${i}\x1B[0m\r\n`)
    const context = new FakeContext({ containers: [{ name: 'web', log }] })
    const hundred = await look(context, getLogs)
    expect(hundred.split('\n')).toHaveLength(101)
    expect(hundred).toMatch(/^line 200\n.*line 299\n$/s)
    expect(await look(context, getLogs, { lines: '2' })).toBe('line 298\nline 299\n')
  })

  it('takes a terminal without frames', async () => {
    const context = new FakeContext({ containers: [{ name: 'web', tty: true, log: ['\x01\0\0\0\0\0\0\x05hello\n'] }] })
    expect(await look(context, getLogs)).toBe('\uFFFD'.repeat(8) + 'hello\n')
  })

  it('starts where it is told', async () => {
    const context = new FakeContext({ containers: [{ name: 'web', log: ['old\n'], ageMs: 0 }] })
    expect(await look(context, getLogs, { since: '10m' })).toBe('old\n')
    expect(await look(context, getLogs, { since: String(Date.parse('2100-01-01') / 1000) })).toBe('')
  })

  it('costs little when the container prints bytes without end', async () => {
    const context = new FakeContext({ containers: [{ name: 'web', endlessLog: true }] })
    const text = await look(context, getLogs, { lines: '1000' })
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(262_144)
    expect(text).toMatch(/^[\uFFFDA31m]+$/)
  })

  it.each([
    ['lines', '0'],
    ['lines', '1001'],
    ['lines', 'all'],
    ['since', 'yesterday'],
  ])('refuses %s %s before it asks anything', async (name, text) => {
    const context = new FakeContext({ containers: [web] })
    const error = await refusal(look(context, getLogs, { [name]: text }))
    expect([diagnosisOf(error).kind, context.sim.requests.size]).toEqual(['bad-argument', 0])
  })
})

describe('get_stats', () => {
  const stats = async (context: FakeContext, more = {}) =>
    JSON.parse(await look(context, getStats, { object: '', ...more })) as StatsDocument
  const samples = ({ sim }: FakeContext) => sim.requestCount(/\/stats$/)

  it('takes two samples of each running container, where the engine gives one at a time', async () => {
    const containers = [
      web,
      { name: 'idle' },
      { name: 'frozen', state: 'paused' as const },
      { name: 'old', state: 'exited' as const },
    ]
    const context = new FakeContext({ containers })
    const { containers: rows, left } = await stats(context)
    expect(rows.map(({ name }) => name).sort()).toEqual(['frozen', 'idle', 'web'])
    expect([samples(context), left]).toEqual([6, 0])
    const busy = rows.find(({ name }) => name === 'web')!
    expect(busy.cpu_percent).toBeGreaterThan(40)
    expect(busy.cpu_percent).toBeLessThan(60)
    expect(busy).toMatchObject({
      ...{ memory_used: 41_943_040, memory_limit: 1_073_741_824, network_rx: 1030, network_tx: 204 },
      ...{ block_read: 4096, block_write: 8192, processes: 1 },
    })
    expect(rows.find(({ name }) => name === 'idle')?.cpu_percent).toBe(0)
  })

  it('takes one sample where the engine takes two by itself', async () => {
    const context = new FakeContext({ flavour: 'docker-1.12', containers: [web] })
    const { containers } = await stats(context)
    expect([containers[0]?.cpu_percent, samples(context)]).toEqual([50, 1])
  })

  it('takes a status that no text can be made of for none', async () => {
    const context = new FakeContext({ containers: [] })
    context.sim.addFaults({
      request(req, res) {
        if (!/containers\/json/.test(req.url ?? '')) return false
        res.setHeader('Content-Type', 'application/json').end('[{"Id":"x","Status":{"toString":0,"valueOf":0}}]')
        return true
      },
    })
    expect(await stats(context)).toEqual({ containers: [], left: 0 })
  })

  it('tells of one container alone, running or not', async () => {
    const context = new FakeContext({ containers: [web, { name: 'old', state: 'exited' }] })
    expect((await stats(context, { object: 'web' })).containers.map(({ name }) => name)).toEqual(['web'])
    const [old] = (await stats(context, { object: 'old' })).containers
    expect(old).toMatchObject({ name: 'old', cpu_percent: null, memory_used: null, network_rx: null })
  })

  it('leaves out containers that are gone meanwhile, and fails for the one that was asked for', async () => {
    const context = new FakeContext({ containers: [web, { name: 'other' }] })
    const { id } = context.sim.store.find('other')
    context.sim.addFaults({
      request(req, res) {
        if (!(req.url ?? '').includes(`${id}/stats`)) return false
        res.writeHead(404).end('{"message":"No such container"}')
        return true
      },
    })
    expect((await stats(context)).containers.map(({ name }) => name)).toEqual(['web'])
    expect(diagnosisOf(await refusal(stats(context, { object: 'other' }))).kind).toBe('engine-not-found')
  })

  it('takes a container whose status is no text for one that does not run', async () => {
    const context = new FakeContext({ containers: [web] })
    context.sim.addFaults({
      request(req, res) {
        if (!(req.url ?? '').includes('/containers/json')) return false
        res.end(JSON.stringify([{ Id: 'odd', Status: { toString: 0 } }]))
        return true
      },
    })
    expect((await stats(context)).containers).toEqual([])
  })

  it('fails when the connection is lost, and asks no further', async () => {
    const context = new FakeContext({ containers: Array.from({ length: 50 }, (_, i) => ({ name: `c${i}` })) })
    context.sim.addFaults({
      request(req) {
        if (!(req.url ?? '').includes('/stats')) return false
        req.socket.destroy()
        return true
      },
    })
    expect(diagnosisOf(await refusal(stats(context))).kind).toBe('engine-connection-lost')
    await settle()
    expect(samples(context)).toBeLessThan(10)
  })

  it('has a limit, and tells what is beyond it', async () => {
    const context = new FakeContext({
      flavour: 'docker-1.12',
      containers: Array.from({ length: 203 }, (_, i) => ({ name: `c${i}` })),
    })
    const { containers, left } = await stats(context)
    expect([containers.length, left]).toEqual([200, 3])
  })
})

describe('each look', () => {
  const all = [getInspect, getTop, getLogs, getStats]

  it.each(all)('$name asks nothing about what can be no container', async (operation) => {
    const context = new FakeContext({ containers: [web] })
    for (const object of ['../../version', 'a b', '/web', 'wéb', 'web\n']) {
      expect(diagnosisOf(await refusal(look(context, operation, { object }))).kind).toBe('bad-container')
    }
    expect(context.sim.requests.size).toBe(0)
  })

  it.each(all)('$name needs a registered VM that runs, and the container', async (operation) => {
    const context = new FakeContext()
    expect(diagnosisOf(await refusal(look(context, operation))).kind).toBe('engine-not-found')
    context.vm = vmRecord({ otherConfig: {} })
    expect(diagnosisOf(await refusal(look(context, operation))).kind).toBe('not-registered')
    context.vm = vmRecord({ powerState: 'Halted' })
    expect(diagnosisOf(await refusal(look(context, operation))).kind).toBe('not-running')
  })

  it.each(all)('$name tells the engine’s own words of an id that fits two', async (operation) => {
    const context = new FakeContext({ containers: [{ id: 'ab1' }, { id: 'ab2' }] })
    expect(String(await refusal(look(context, operation, { object: 'ab' })))).toContain('Multiple IDs found')
  })

  it.each(all)('$name changes nothing, so it is allowed where actions are off', async (operation) => {
    const context = new FakeContext({ containers: [web] })
    context.pool = { 'xscontainer-actions': 'off' }
    await look(context, operation)
    expect([...context.sim.requests.keys()].filter((request) => !request.startsWith('GET'))).toEqual([])
  })
})
