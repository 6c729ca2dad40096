import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { StoppedError } from '../../src/base/errors.ts'
import type { TlsWish } from '../../src/app/prepare/tls-wish.ts'
import { prepareHere, type Prepared, type PrepareHere } from '../real/prepare-here.ts'
import { makePki, type Pki } from '../transports/tls/pki.ts'
import { TLS_PORT, WindowsGuest } from './windows-guest.ts'
import { World } from './world.ts'

vi.setConfig({ testTimeout: 120_000 })
const SETTINGS = { guest: { tls_port: TLS_PORT, allow_loopback: true, connect_timeout_s: 3, keepalive_s: 5 } }
const NAMES = ['xscontainer-tls-client-cert', 'xscontainer-tls-client-key', 'xscontainer-tls-ca-cert']

describe('preparing a VM for TLS is interrupted: what is left is named', () => {
  let world: World
  const guests: WindowsGuest[] = []
  beforeAll(async () => {
    world = await World.start({ settings: SETTINGS })
  })
  afterAll(async () => {
    for (const guest of guests) await guest.quiet()
    await world.stop()
  })

  async function windows(): Promise<WindowsGuest> {
    const guest = await WindowsGuest.start(world)
    guests.push(guest)
    return guest
  }
  const secrets = () => [...world.pool.db.table('secret').rows.values()].map((row) => row.text('uuid'))
  const vdis = () => world.pool.db.table('VDI').rows.size
  const named = (guest: WindowsGuest) => NAMES.flatMap((name) => world.config(guest)[name] ?? [])
  const settings = (guest: WindowsGuest) =>
    Object.entries(world.config(guest))
      .filter(([key]) => key.startsWith('xscontainer-'))
      .sort()
  const prepare = (guest: WindowsGuest, tls: TlsWish, how: PrepareHere = {}) =>
    prepareHere(world, guest, { mode: 'tls', tls }, { monitored: false, ...how })
  const undo = (guest: WindowsGuest) => prepareHere(world, guest, { mode: 'tls', undo: true }, { monitored: false })
  const given = ({ ca, client }: Pick<Pki, 'ca' | 'client'>): TlsWish => {
    const parts = { ca: ca.certificate, certificate: client.certificate, key: client.key }
    return { use: 'given', parts, from: { ca: 'ca.pem', certificate: 'cert.pem', key: 'key.pem' } }
  }

  interface State {
    readonly secrets: readonly string[]
    readonly named: readonly string[]
    readonly settings: readonly (readonly [string, string])[]
    readonly vdis: number
  }
  const stateOf = (guest: WindowsGuest): State => ({
    ...{ secrets: secrets(), named: named(guest), settings: settings(guest), vdis: vdis() },
  })

  function expectNamed(guest: WindowsGuest, before: State, { stays, error }: Prepared): void {
    const told = `${stays} ${String(error)}`
    expect([vdis(), guest.inserted]).toEqual([before.vdis, []])
    expect(stays).not.toContain('CD drive')
    // No name without its secret.
    for (const uuid of named(guest)) expect(secrets()).toContain(uuid)
    // No secret of the VM's, old or new, that nothing tells of.
    const others = before.secrets.filter((uuid) => !before.named.includes(uuid))
    for (const uuid of secrets().filter((each) => !others.includes(each))) {
      if (!named(guest).includes(uuid)) expect(told).toContain(uuid)
    }
    if (JSON.stringify(settings(guest)) !== JSON.stringify(before.settings)) expect(stays).not.toBe('')
  }

  test('at each call of XAPI, while others are put in the place of certificates', async () => {
    const guest = await windows()
    const pki = await makePki(guest.address)
    await guest.serve({ ca: pki.ca.certificate, cert: pki.server.certificate, key: pki.server.key })
    const others = secrets()
    expect((await prepare(guest, given(pki))).error).toBeUndefined()
    const reached = new Map<string, number>()
    for (let nth = 1, isOver = false; !isOver; nth++) {
      const before = stateOf(guest)
      const stop = new AbortController()
      let count = 0
      const called = (method: string) => {
        // Others' secrets are many, and looked at one by one.
        if (/^secret\.get_(?!all)/.test(method) || ++count !== nth) return
        reached.set(method, (reached.get(method) ?? 0) + 1)
        stop.abort(new StoppedError('Ctrl-C'))
      }
      const stopped = await prepare(guest, given(pki), { called, signal: stop.signal })
      isOver = !stop.signal.aborted
      expectNamed(guest, before, stopped)
      // What was named to the administrator, for him to destroy.
      for (const uuid of secrets().filter((each) => ![...others, ...named(guest)].includes(each))) {
        await world.call('secret.destroy', await world.call('secret.get_by_uuid', uuid))
      }
    }
    expect(Object.fromEntries(reached)).toMatchObject({ 'secret.create': 3, burst: 1, 'secret.destroy': 3 })
    expect((await undo(guest)).error).toBeUndefined()
    expect([secrets(), settings(guest)]).toEqual([others, [['xscontainer-monitor', 'False']]])
  })

  test('while the first certificates are named: the VM is as it was, its mode too', async () => {
    const guest = await windows()
    const pki = await makePki(guest.address)
    await guest.serve({ ca: pki.ca.certificate, cert: pki.server.certificate, key: pki.server.key })
    const before = stateOf(guest)
    const stop = new AbortController()
    const called = (method: string) => void (method === 'burst' && stop.abort(new StoppedError('Ctrl-C')))
    const stopped = await prepare(guest, given(pki), { called, signal: stop.signal })
    expect([stopped.error, stopped.stays]).toEqual([expect.any(StoppedError), ''])
    expect(stateOf(guest)).toEqual(before)
  })

  test.each<[string, RegExp]>([
    ['wait until the engine answers', /^$/],
    [
      'put the certificates',
      /stays: the engine in the guest uses new certificates, whose client key is kept nowhere\./,
    ],
    [
      'register the VM',
      /stays: the engine in the guest uses new certificates; the VM's other-config names new secrets/,
    ],
  ])('at the step "%s", with certificates that are made', async (title, stays) => {
    const guest = await windows()
    const before = stateOf(guest)
    const stop = new AbortController()
    const script = title.startsWith('wait') ? undefined : guest.runScript()
    const watch = (text: string) => text.startsWith(title) && stop.abort(new StoppedError('Ctrl-C'))
    const stopped = await prepare(guest, { use: 'generate', storage: undefined }, { watch, signal: stop.signal })
    await script
    expect(stopped.error).toBeInstanceOf(StoppedError)
    expect(stopped.out).toMatch(/ \.\. stopped\n/)
    expect(stopped.stays).toMatch(stays)
    expectNamed(guest, before, stopped)
    expect((await undo(guest)).error).toBeUndefined()
    expect(secrets()).toEqual(before.secrets)
  })
})
