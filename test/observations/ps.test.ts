import { XMLParser } from 'fast-xml-parser'
import { describe, expect, it } from 'vitest'
import { RefusedError, TransientError } from '../../src/base/errors.ts'
import { ConnectionLostError } from '../../src/engine/errors.ts'
import type { EngineEvent } from '../../src/engine/event-stream.ts'
import { ps, readList } from '../../src/observations/ps.ts'
import { BUDGET, containers, context, engineWith, golden, SIGNAL, type Json } from './support.ts'

const encode = (list: readonly Json[], budget = BUDGET) => ps.encode(readList(list), budget)
const idsIn = (xml: string) => [...xml.matchAll(/<id>([^<]*)<\/id>/g)].map((match) => match[1])

function many(count: number, more: (index: number) => Json = () => ({})): Json[] {
  return Array.from({ length: count }, (_, index) => ({
    Id: index.toString(16).padStart(64, '0'),
    Names: [`/c${index}`],
    Created: 1_700_000_000 + index,
    Status: 'Exited (0) 2 days ago',
    ...more(index),
  }))
}

describe('docker_ps', () => {
  it.each(['docker', 'podman', 'docker-compose', 'docker-29'])('of %s', async (engine) => {
    const list = await ps.observe(engineWith({ list: containers(engine) }), context(), SIGNAL)
    await expect(ps.encode(list, BUDGET)).toMatchFileSnapshot(golden(`docker_ps.${engine}`))
  })

  it('of an engine without containers is an empty root', () => {
    expect(encode([])).toBe('<docker_ps/>')
  })

  it('is the same whatever order the engine lists in, newest first, and by id where that is equal', () => {
    const list = many(50, (index) => ({ Created: 1_700_000_000 + Math.floor(index / 5) }))
    const xml = encode(list)
    expect(encode(list.toReversed())).toBe(xml)
    expect(idsIn(xml)).toHaveLength(50)
    expect(idsIn(xml).slice(0, 2)).toEqual([list[45]?.Id, list[46]?.Id])
  })

  it('does not change with time alone', () => {
    const at = (age: string) => encode([{ Id: 'a', Created: 7, State: 'running', Status: `Up ${age} (healthy)` }])
    expect(at('3 minutes')).toBe(at('About an hour'))
  })

  it('is cut at whole entries within its budget, tells how many are left out, and keeps what runs', () => {
    const list = many(400, (index) => (index < 20 ? { Status: 'Up 2 days' } : {}))
    const xml = encode(list, 10_000)
    expect(Buffer.byteLength(xml)).toBeLessThanOrEqual(10_000)
    expect(Buffer.byteLength(xml)).toBeGreaterThan(9_500)
    const shown = idsIn(xml).length
    expect(xml.endsWith(`</item><truncated>${400 - shown}</truncated></docker_ps>`)).toBe(true)
    expect(xml.match(/<status>Up<\/status>/g)).toHaveLength(20)
    expect(idsIn(xml)).toEqual(idsIn(encode(list, 1e6)).filter((id) => idsIn(xml).includes(id)))
  })

  it('leaves out no more than it must when everything just fits', () => {
    const list = many(30)
    const xml = encode(list)
    expect(encode(list, Buffer.byteLength(xml) + 64)).toBe(xml)
  })

  it('counts a million containers without looking into each', () => {
    let looked = 0
    const one = {
      Status: 'Exited (0)',
      get Id() {
        return String((looked += 1))
      },
    }
    const list: Json[] = Array.from({ length: 1_000_000 }, () => one)
    list[10_000] = { Id: 'runs', Status: 'Up 1 second' }
    const read = readList(list)
    expect([read.total, read.entries.length, looked]).toEqual([1_000_000, 2048, 19_999])
    expect(read.entries.some(({ id }) => id === 'runs')).toBe(true)
    expect(ps.encode(read, BUDGET)).toMatch(/<truncated>999\d{3}<\/truncated><\/docker_ps>$/)
  })

  it('of long entries keeps what could be published, and counts all', () => {
    const ports = Array.from({ length: 32 }, (_, index) => ({ IP: '\u4e00'.repeat(64), PrivatePort: index }))
    const read = readList(many(2000, () => ({ Command: '\u4e00'.repeat(256), Ports: ports })))
    expect(read.total).toBe(2000)
    expect(JSON.stringify(read.entries).length).toBeLessThan(610_000)
    const published = idsIn(ps.encode(read, 300_000)).length
    expect(published).toBeGreaterThan(0)
    expect(published).toBeLessThan(read.entries.length)
  })

  it('never holds an element named entry deeper than a container, nor more references than clients take', () => {
    const nasty = '<entry>&]]>\0\uD83D"\''.repeat(30)
    const list = many(300, () => ({
      Names: [`/${nasty}`],
      Image: nasty,
      Command: nasty,
      State: nasty,
      Status: nasty,
      Labels: { entry: nasty, 'com.docker.compose.project': nasty },
      Ports: [{ IP: nasty, Type: nasty, entry: 1 }],
      entry: { entry: 1 },
    }))
    const xml = encode(list, 300_000)
    const { docker_ps } = new XMLParser({ ignoreAttributes: false }).parse(xml) as {
      docker_ps: { item: { entry: Json }[] }
    }
    expect(docker_ps.item.length).toBeGreaterThan(50)
    for (const item of docker_ps.item) {
      expect(Object.keys(item)).toEqual(['entry'])
      expect(JSON.stringify(Object.values(item.entry))).not.toContain('"entry":')
    }
    expect(xml.match(/&[a-z#0-9]+;/g)?.length ?? 0).toBeLessThan(500)
  })

  describe('after events of some containers', () => {
    const [web, db] = many(2, () => ({ Status: 'Up 2 days' })) as [Json, Json]
    const id = ({ Id }: Json) => Id as string
    const paused = { ...web, Status: 'Up 2 days (Paused)' }
    /** What is asked for, in order: ids, or 'all'. */
    let asked: (string | readonly string[])[]
    /** The list after these events, when the one before was this and the engine has this now. */
    async function after(before: readonly Json[], told: readonly EngineEvent[], engine: readonly Json[]) {
      asked = []
      const listOf = (ids?: readonly string[]) => {
        asked.push(ids ?? 'all')
        return Promise.resolve(engine.filter((item) => ids === undefined || ids.includes(id(item))))
      }
      return ps.observe(engineWith({ listOf }), context(readList(before), { told }), SIGNAL)
    }
    const event = (action: string, of: Json, type = 'container'): EngineEvent => ({ type, action, id: id(of) })

    it.each([
      ['of one', [web, db], [event('pause', web)], [paused, db]],
      ['of one of an old engine, which tells no type', [web, db], [event('pause', web, '')], [paused, db]],
      ['of a new one', [db], [event('create', web), event('start', web)], [web, db]],
      ['of two', [db], [event('create', web), event('rename', db)], [web, { ...db, Names: ['/other'] }]],
    ])('%s: they alone are asked for, and the list is as if all had been', async (_, before, told, now) => {
      expect(await after(before, told, now)).toEqual(readList(now))
      expect(asked).toEqual([[...new Set(told.map((each) => each.id))]])
    })

    it('takes nothing but what was asked for from an engine that tells of all whatever it is asked', async () => {
      const listOf = () => Promise.resolve([paused, { ...db, Status: 'Exited (0)' }])
      const told = [event('pause', web)]
      const list = await ps.observe(engineWith({ listOf }), context(readList([web, db]), { told }), SIGNAL)
      expect(list).toEqual(readList([paused, db]))
    })

    it.each([
      ['that are gone', [event('destroy', web)], [db], []],
      ['that are gone, as Podman says', [event('remove', web)], [db], []],
      ['that are not there any more', [event('start', web)], [db], [[id(web)]]],
      ['of images', [{ ...event('tag', web), type: 'image' }], [web, db], []],
      ['that have no whole id', [{ ...event('pause', web), id: 'abc' }], [paused, db], []],
      ['of none', [], [web, db], []],
      ['of very many', many(5).map((each) => event('start', each)), many(5), []],
    ])('%s: all are asked for', async (_, told, now, before) => {
      expect(await after([web, db], told, now)).toEqual(readList(now))
      expect(asked).toEqual([...before, 'all'])
    })

    it('all are asked for where the list before was cut', async () => {
      const before = many(3000)
      const now = before.with(0, { ...before[0], Status: 'Up 1 second' })
      expect(await after(before, [event('start', before[0]!)], now)).toEqual(readList(now))
      expect(asked).toEqual(['all'])
    })

    it('all are asked for where the engine refuses the question, and nobody when the connection broke', async () => {
      const engine = (error: Error) =>
        engineWith({ listOf: (ids) => (ids === undefined ? Promise.resolve([paused, db]) : Promise.reject(error)) })
      const observe = (error: Error) =>
        ps.observe(engine(error), context(readList([web, db]), { told: [event('pause', web)] }), SIGNAL)
      const diagnosis = { kind: 'engine-rejected', cause: 'invalid filter', cure: '' }
      expect(await observe(new RefusedError(diagnosis))).toEqual(readList([paused, db]))
      expect(await observe(new TransientError(diagnosis))).toEqual(readList([paused, db]))
      await expect(observe(new ConnectionLostError(diagnosis))).rejects.toThrow('invalid filter')
    })
  })

  it('knows the running containers and their names, paused ones too', () => {
    const list = readList(containers('docker-compose'))
    expect([...(ps.runningIn?.(list).values() ?? [])]).toEqual(['shop_web_1', 'shop_db_1'])
  })
})

describe('docker_ps is due', () => {
  it.each([
    ['container', 'start', true],
    ['container', 'die', true],
    ['container', 'pause', true],
    ['container', 'rename', true],
    ['container', 'destroy', true],
    ['container', 'remove', true],
    ['container', 'health_status', true],
    ['', 'start', true],
    ['image', 'tag', true],
    ['image', 'delete', true],
    ['image', 'save', false],
    ['container', 'exec_create', false],
    ['container', 'exec_start', false],
    ['container', 'exec_die', false],
    ['container', 'top', false],
    ['container', 'attach', false],
    ['container', 'resize', false],
    ['container', 'copy', false],
    ['network', 'create', false],
    ['volume', 'destroy', false],
    ['pod', 'start', false],
  ])('after %s %s: %s', (type, action, due) => {
    expect(ps.dueAfter({ type, action, id: 'a' })).toBe(due)
  })
})

describe('docker_ps shows what an event tells of', () => {
  const list = readList([
    { Id: 'up', State: 'running', Status: 'Up 3 minutes' },
    { Id: 'paused', State: 'paused', Status: 'Up 3 minutes (Paused)' },
    { Id: 'ended', State: 'exited', Status: 'Exited (0) 2 seconds ago' },
    { Id: 'made', State: 'created', Status: 'Created' },
    { Id: 'again', State: 'restarting', Status: 'Restarting (1) 2 seconds ago' },
  ])
  it.each([
    ['create', ['up', 'paused', 'ended', 'made', 'again']],
    ['start', ['up']],
    ['restart', ['up']],
    ['unpause', ['up']],
    ['pause', ['paused']],
    // One that ended at once is listed as created until Docker's list has caught up.
    ['die', ['ended', 'again', 'gone']],
    ['stop', ['ended', 'again', 'gone']],
    ['destroy', ['gone']],
    ['remove', ['gone']],
    ['kill', ['up', 'paused', 'ended', 'made', 'again', 'gone']],
  ])('%s', (action, shown) => {
    const ids = ['up', 'paused', 'ended', 'made', 'again', 'gone']
    expect(ids.filter((id) => ps.shows?.(list, { type: 'container', action, id }))).toEqual(shown)
  })

  it.each([
    ['0', ['ended', 'gone']],
    ['1', ['again', 'gone']],
    ['10', ['gone']],
  ])('die, with exit code %s: an end before it is not its own', (exitCode, shown) => {
    const ids = ['up', 'paused', 'ended', 'made', 'again', 'gone']
    expect(ids.filter((id) => ps.shows?.(list, { type: 'container', action: 'die', id, exitCode }))).toEqual(shown)
  })

  it.each([
    ['container', 'rename'],
    ['container', 'health_status'],
    ['container', 'update'],
    ['image', 'delete'],
  ])('or that cannot be known: %s %s', (type, action) => {
    expect(ps.shows?.(list, { type, action, id: 'up' })).toBeUndefined()
  })
})
