import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { GuestLink, Target, Transport } from '../../src/model/guest.ts'
import { NEVER } from './ssh/trial.ts'
import { get, until } from './ssh/unix-engine.ts'

/** A guest whose engine answers every request with OK and the request's path. */
export interface ContractGuest {
  readonly transport: Transport
  readonly target: Target
  /** Connections to the engine, or to what carries them, that are open now. */
  connections(): number
  /** Ends what the guest runs, as a reboot does. */
  leave(): void
  stop(): Promise<void>
}

/** What everything above a transport relies on. Each transport passes it. */
export function transportContract(name: string, start: () => Promise<ContractGuest>): void {
  describe(`what every transport promises: ${name}`, () => {
    let guest: ContractGuest
    let link: GuestLink | undefined
    beforeAll(async () => void (guest = await start()))
    afterAll(() => guest.stop())
    afterEach(async () => {
      link?.close()
      await until(() => guest.connections() === 0)
    })
    const connect = async () => (link = await guest.transport.connect(guest.target, NEVER))

    test('it says where it leads to', async () => {
      const { facts } = await connect()
      expect(facts.address).toBe(guest.target.addresses[0])
      expect([facts.rung, facts.socketPath].every((text) => text.length > 3)).toBe(true)
    })

    test('any number of streams at once, each to the engine', async () => {
      const { openStream } = bound(await connect())
      const answers = Array.from({ length: 20 }, async (_, i) => get(await openStream(NEVER), `/number/${i}`))
      const texts = await Promise.all(answers)
      texts.forEach((text, i) => expect(text).toContain(`OK /number/${i}`))
    })

    test('a stream that one side ends goes on in the other direction', async () => {
      const stream = await bound(await connect()).openStream(NEVER)
      stream.end('GET /half HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
      let text = ''
      for await (const chunk of stream) text += String(chunk)
      expect(text).toContain('OK /half')
    })

    test('closing it ends its streams with an error, and tells that nothing went wrong', async () => {
      const made = await connect()
      const stream = await made.openStream(NEVER)
      const ended = new Promise((resolve) => stream.once('error', resolve))
      made.close()
      expect(await made.closed).toBeUndefined()
      expect(await ended).toBeInstanceOf(Error)
      await expect(made.openStream(NEVER)).rejects.toThrow(/closed/)
    })

    test('an abort leaves nothing behind, whenever it comes', async () => {
      const stop = new AbortController()
      const work = guest.transport.connect(guest.target, stop.signal)
      const reason = new Error('no longer wanted')
      stop.abort(reason)
      await expect(work).rejects.toBe(reason)
      await expect(guest.transport.connect(guest.target, stop.signal)).rejects.toBe(reason)
    })

    test('a stream that is aborted while it opens takes nothing with it', async () => {
      const { openStream } = bound(await connect())
      const first = await openStream(NEVER)
      const stop = new AbortController()
      const second = openStream(stop.signal)
      stop.abort(new Error('no longer wanted'))
      await expect(second).rejects.toThrow('no longer wanted')
      expect(await get(first, '/still')).toContain('OK /still')
    })

    test('when the guest leaves, its streams end', async () => {
      const stream = await bound(await connect()).openStream(NEVER)
      const ended = new Promise<void>((resolve) => stream.once('close', resolve))
      stream.resume().on('error', () => undefined)
      guest.leave()
      await ended
    })
  })
}

const bound = (link: GuestLink) => ({ openStream: (signal: AbortSignal) => link.openStream(signal) })
