import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { TransientError } from '../../../src/base/errors.ts'
import type { GuestLink } from '../../../src/model/guest.ts'
import { get } from '../ssh/unix-engine.ts'
import { makePki, partsOf, type Pki } from './pki.ts'
import { startTlsEngine, type TlsEngine } from './tls-engine.ts'
import { NEVER, target, transport } from './trial.ts'

const HERE = '127.77.0.46'

describe('a link over TLS', () => {
  let pki: Pki
  let engine: TlsEngine
  let link: GuestLink
  beforeAll(async () => {
    pki = await makePki(HERE)
    engine = await startTlsEngine(pki, {}, HERE)
  })
  afterAll(() => engine.stop())
  afterEach(() => link.close())

  const connect = async () => {
    link = await transport(partsOf(pki), engine.port, { keepaliveMs: 7000 }).connect(target(HERE), NEVER)
  }
  const breakOff = (stream: Duplex, code: string) =>
    stream.destroy(Object.assign(new Error(`read ${code}`), { code, syscall: 'read' }))

  test('the system asks idle connections for a sign of life, all of them', async () => {
    await connect()
    const streams = [await link.openStream(NEVER), await link.openStream(NEVER)]
    const rows = execFileSync('ss', ['-tnoH', 'dst', `${HERE}:${engine.port}`], { encoding: 'utf8' })
      .trim()
      .split('\n')
    expect(rows).toHaveLength(streams.length)
    for (const row of rows) expect(row).toContain('timer:(keepalive,')
  })

  test('a guest that gives none has gone: the link ends with the reason, and so do all its streams', async () => {
    await connect()
    const [first, second] = [await link.openStream(NEVER), await link.openStream(NEVER)]
    const ended = once(second, 'error')
    breakOff(first, 'ETIMEDOUT')
    const why = await link.closed
    expect(why).toBeInstanceOf(TransientError)
    expect(why?.message).toContain(`The guest at ${HERE} stopped answering on its TLS connections`)
    expect(await ended).toEqual([why])
    await expect(link.openStream(NEVER)).rejects.toBe(why)
  })

  test('one connection that breaks says nothing about the others', async () => {
    await connect()
    const [first, second] = [await link.openStream(NEVER), await link.openStream(NEVER)]
    const broken = once(second, 'error')
    breakOff(second, 'ECONNRESET')
    const [error] = (await broken) as [TransientError]
    expect([error.diagnosis.kind, error.diagnosis.cause]).toEqual(['link-lost', expect.stringContaining('ECONNRESET')])
    expect(await get(first, '/still')).toContain('OK /still')
    expect(await get(await link.openStream(NEVER), '/again')).toContain('OK /again')
  })

  test('an engine that ends no connection gets no more of them than it can be meant to have', async () => {
    await connect()
    const streams = await Promise.all(Array.from({ length: 64 }, () => link.openStream(NEVER)))
    await expect(link.openStream(NEVER)).rejects.toThrow(/64 connections/)
    streams[0]!.destroy()
    await once(streams[0]!, 'close')
    expect(await get(await link.openStream(NEVER), '/free')).toContain('OK /free')
  })
})
