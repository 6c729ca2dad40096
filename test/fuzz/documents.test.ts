import { XMLParser } from 'fast-xml-parser'
import fc from 'fast-check'
import sax from 'sax'
import { describe, expect, test } from 'vitest'
import { readContainers } from '../../src/app/cli/containers.ts'
import { readProcesses as processesIn } from '../../src/app/cli/xml-rows.ts'
import { encodeMembers, readMembers } from '../../src/documents/members.ts'
import { normalStatus } from '../../src/documents/container-state.ts'
import { cpuSeconds, readProcesses } from '../../src/documents/process-row.ts'
import { XmlPage } from '../../src/documents/xml.ts'
import { ps, readList } from '../../src/observations/ps.ts'
import { top } from '../../src/observations/top.ts'
import { containers, processes, type Json } from '../observations/support.ts'
import { corpus } from './corpus.ts'
import { holds } from './holds.ts'
import { anyJson, anyText, bent } from './inputs.ts'

const [FIRST, SECOND] = containers('docker-29') as [Json, Json]
const listed = fc
  .array(fc.oneof(bent(FIRST), bent(SECOND), anyJson), { maxLength: 8 })
  .map((items) => items.filter((item): item is Json => typeof item === 'object' && item !== null))
interface Table {
  titles: string[]
  processes: string[][]
}
const budget = fc.integer({ min: 300, max: 8000 })

interface Element {
  readonly path: string
  readonly text: string
}

/**
 * Every element of a document with its path and text, after both parsers have read all of it: sax, strictly, and the
 * one of Xen Orchestra, which refuses more than 1,000 references.
 */
function read(xml: string): Element[] {
  new XMLParser({ ignoreAttributes: false }).parse(xml)
  const elements: Element[] = []
  const path: string[] = []
  let text = ''
  const parser = sax.parser(true)
  parser.onerror = (error) => {
    throw error
  }
  parser.onopentag = ({ name }) => void ([text] = ['', path.push(name)])
  parser.ontext = parser.oncdata = (chunk: string) => void (text += chunk)
  parser.onclosetag = () => {
    elements.push({ path: path.join('/'), text })
    path.pop()
    text = ''
  }
  parser.write(xml).close()
  return elements
}

const at = (elements: readonly Element[], path: string) => elements.filter((element) => element.path === path)

describe('the container list', () => {
  test('of whatever an engine lists: both parsers read it, it fits, and only containers are entries', () => {
    holds(
      fc.property(listed, budget, (items, bytes) => {
        const list = readList(items)
        const xml = ps.encode(list, bytes)
        expect(Buffer.byteLength(xml)).toBeLessThanOrEqual(bytes)
        const elements = read(xml)
        const entries = at(elements, 'docker_ps/item/entry')
        expect(elements.filter(({ path }) => /(^|\/)entry$/.test(path))).toHaveLength(entries.length)
        const left = Number(at(elements, 'docker_ps/truncated')[0]?.text ?? 0)
        expect(entries.length + left).toBe(list.total)
        for (const name of ['id', 'container', 'status']) {
          const found = at(elements, `docker_ps/item/entry/${name}`)
          expect(found.filter(({ text }) => text !== '')).toHaveLength(entries.length)
        }
        expect(readContainers(xml)).toHaveLength(entries.length)
      }),
      { numRuns: 120, examples: corpus.lists.map((items): [Json[], number] => [items, 8000]) },
    )
  })

  test('is the same bytes whatever the order in which an engine lists containers and ports', () => {
    const distinct = listed.map((items) =>
      items.filter(({ Id }, i) => !items.slice(0, i).some((one) => same(one.Id, Id))),
    )
    holds(
      fc.property(distinct, (items) => {
        const other = items.toReversed().map((item) => ({
          ...item,
          ...(Array.isArray(item.Ports) && { Ports: item.Ports.toReversed() }),
        }))
        expect(ps.encode(readList(other), 60_000)).toBe(ps.encode(readList(items), 60_000))
      }),
      { numRuns: 70 },
    )
  })
})

/** What has no text there is in no list. */
const same = (a: unknown, b: unknown) =>
  typeof a === 'string' && typeof b === 'string' && a.slice(0, 128) === b.slice(0, 128)

describe('the status', () => {
  test('of any text and state: short, never empty, and what is normal already stays', () => {
    holds(
      fc.property(anyText, anyText, (status, state) => {
        const normal = normalStatus(status, state)
        expect(normal.length).toBeGreaterThan(0)
        expect(normal.length).toBeLessThanOrEqual(64)
        expect(normalStatus(normal, '')).toBe(normalStatus(normalStatus(normal, ''), ''))
      }),
    )
  })

  test('does not change with its age', () => {
    const start = fc.constantFrom(
      'Up',
      'Up (Paused)',
      'Exited (137)',
      'Restarting (1)',
      'Created',
      'Dead',
      'Removal In Progress',
    )
    const age = fc.tuple(
      fc.nat(500),
      fc.constantFrom('seconds', 'minutes', 'hours', 'days', 'weeks', 'months', 'years'),
    )
    holds(
      fc.property(start, age, fc.boolean(), (word, [n, unit], capital) => {
        const since = `${n} ${unit}${word.startsWith('Up') ? '' : ' ago'}`
        const [plain, more] = /^(Up)(.*)$/.exec(word)?.slice(1) ?? [word, '']
        const text = `${plain} ${capital ? 'About ' : ''}${since}${more}`
        expect(normalStatus(text, '')).toBe(word)
      }),
    )
  })
})

describe('the processes', () => {
  const { titles, processes: rows } = processes('docker')
  const table = fc.record({
    titles: fc.array(fc.oneof(fc.constantFrom(...titles), anyText), { maxLength: 10 }),
    processes: fc.array(fc.array(fc.oneof(anyText, fc.constantFrom(...rows.flat())), { maxLength: 10 }), {
      maxLength: 8,
    }),
  })

  test('of any table: both parsers read them, and no element of a process is empty', () => {
    holds(
      fc.property(table, anyText, budget, (any, names, bytes) => {
        const sampled = readProcesses(any, 100).map((row) => ({ ...row, cpu: 0 }))
        const sample = { atMs: 0, containers: [{ id: 'a'.repeat(64), names, processes: sampled }], left: 0 }
        const xml = top.encode(sample, bytes)
        expect(Buffer.byteLength(xml)).toBeLessThanOrEqual(bytes)
        const process = 'docker_top/item/processes/item/Process'
        const elements = read(xml)
        for (const name of ['PID', 'PPID', 'USER', 'TIME', 'CPU', 'CMD']) {
          const cells = at(elements, `${process}/${name}`)
          expect(cells.filter(({ text }) => text.trim() !== '')).toHaveLength(at(elements, process).length)
        }
        expect(processesIn(xml)).toHaveLength(at(elements, process).length)
      }),
      { numRuns: 70, examples: corpus.tables.map((any): [Table, string, number] => [any, 'web', 8000]) },
    )
  })

  test('a time is a number of seconds, or not one', () => {
    holds(
      fc.property(fc.oneof(anyText, fc.stringMatching(/^[0-9dhms:.-]{1,16}$/)), (text) => {
        const seconds = cpuSeconds(text)
        if (seconds !== undefined) expect(Number.isFinite(seconds) && seconds >= 0, String(seconds)).toBe(true)
      }),
      { numRuns: 100 },
    )
  })
})

describe('what an engine tells of itself', () => {
  test('any document: both parsers read it, it fits, and it is the same when the same comes again', () => {
    const document = fc.dictionary(anyText, anyJson, { maxKeys: 8 })
    holds(
      fc.property(document, budget, (any, bytes) => {
        const members = readMembers('docker_info', any, undefined, new Set())
        const xml = encodeMembers('docker_info', members, bytes)
        expect(Buffer.byteLength(xml)).toBeLessThanOrEqual(bytes)
        read(xml)
        expect(readMembers('docker_info', structuredClone(any), members, new Set())).toBe(members)
      }),
      { numRuns: 70 },
    )
  })

  test('a thousand references are never reached, whatever texts and names there are', () => {
    const text = fc.string({ unit: fc.constantFrom('<', '&', '"', ']]>', 'x', '\r'), maxLength: 40 })
    holds(
      fc.property(
        fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 400 }),
        (all, n) => {
          const pairs = Array.from({ length: n }, (_, i) => all.map(([name, value]) => [`${name}${i}`, value])).flat()
          const page = new XmlPage('doc', 200_000)
          const xml = page.document([page.element('v', Object.fromEntries(pairs)) ?? ''])
          expect(xml.match(/&[a-z#0-9]+;/gi)?.length ?? 0).toBeLessThan(1000)
          read(xml)
        },
      ),
      { numRuns: 20 },
    )
  })
})
