import { beforeEach, describe, expect, test } from 'vitest'
import { createSecrets, destroyOrphanSecrets, destroyUnnamed } from '../../../src/app/tls/vm-secrets.ts'

const NOW = Date.parse('2026-11-23T10:00:00Z')
const HOUR_MS = 3_600_000
const SIGNAL = new AbortController().signal
const PEM = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'
const PARTS = { ca: `${PEM}ca`, certificate: `${PEM}certificate`, key: `${PEM}key` }

describe('secrets of VMs in mode tls', () => {
  let secrets: Map<string, { value: string; label: string | undefined }>
  let vms: Record<string, Record<string, string>>
  let pool: Record<string, string>
  let failAt: number
  beforeEach(() => {
    secrets = new Map()
    vms = {}
    pool = {}
    failAt = Infinity
  })

  const store = {
    create: (value: string, _signal: AbortSignal, label?: string) => {
      if (secrets.size >= failAt) return Promise.reject(new Error('XAPI is away'))
      const uuid = `new-${secrets.size}`
      secrets.set(uuid, { value, label })
      return Promise.resolve(uuid)
    },
    read: (uuid: string) => Promise.resolve(secrets.get(uuid)?.value),
    destroy: (uuid: string) => Promise.resolve(void secrets.delete(uuid)),
    labelled: () =>
      Promise.resolve([...secrets].flatMap(([uuid, { label }]) => (label === undefined ? [] : [{ uuid, label }]))),
    poolConfig: () => Promise.resolve(pool),
  }
  const session = {
    call: (method: string) => {
      expect(method).toBe('VM.get_all_records')
      const records = Object.entries(vms).map(([ref, other_config]) => [ref, { other_config }])
      return Promise.resolve(Object.fromEntries(records) as unknown)
    },
  }
  const unnamed = (...uuids: string[]) => destroyUnnamed(session, store, uuids, SIGNAL)

  test('are made, marked, and all taken back when one cannot be made', async () => {
    const made = await createSecrets(store, PARTS, NOW, SIGNAL)
    expect(secrets.get(made.key)).toEqual({ value: PARTS.key, label: 'tls since 2026-11-23T10:00:00.000Z' })
    secrets.clear()
    failAt = 2
    await expect(createSecrets(store, PARTS, NOW, SIGNAL)).rejects.toThrow('away')
    expect(secrets.size).toBe(0)
  })

  test('are destroyed when nobody names them, and never while a VM, a snapshot or the pool does', async () => {
    const { ca, certificate, key } = await createSecrets(store, PARTS, NOW, SIGNAL)
    vms = { other: { 'xscontainer-tls-ca-cert': ` ${ca} ` } }
    pool = { 'xscontainer-private-secret-uuid': key }
    expect(await unnamed(ca, certificate, key, certificate, '', 'gone')).toEqual([certificate])
    expect([...secrets.keys()]).toEqual([key, ca])
  })

  test("others' stay, whatever a VM names: only one with PEM text that is named nowhere else goes", async () => {
    secrets.set('password', { value: 'of some storage', label: undefined })
    secrets.set('by hand', { value: PEM, label: undefined })
    expect(await unnamed('password', 'by hand')).toEqual(['by hand'])
    expect([...secrets.keys()]).toEqual(['password'])
  })

  test('all stay when XAPI does not tell which VMs there are', async () => {
    const { ca } = await createSecrets(store, PARTS, NOW, SIGNAL)
    const odd = { call: () => Promise.resolve([] as unknown) }
    await expect(destroyUnnamed(odd, store, [ca], SIGNAL)).rejects.toThrow('XAPI sent something else than VMs')
    await expect(destroyOrphanSecrets(odd, store, NOW + 2 * HOUR_MS, SIGNAL)).rejects.toThrow('XAPI sent')
    expect(secrets.size).toBe(3)
  })

  test('of VMs that are gone are destroyed at some time, marked ones only, and none that is just being named', async () => {
    const label = (ms: number) => `tls since ${new Date(NOW - ms).toISOString()}`
    secrets.set('old', { value: PEM, label: label(2 * HOUR_MS) })
    secrets.set('named', { value: PEM, label: label(2 * HOUR_MS) })
    secrets.set('new', { value: PEM, label: label(HOUR_MS / 2) })
    secrets.set('of the future', { value: PEM, label: label(-2 * HOUR_MS) })
    secrets.set('pool key', { value: PEM, label: 'pool key since 2026-01-01T00:00:00Z' })
    secrets.set('unmarked', { value: PEM, label: undefined })
    vms = { one: { 'xscontainer-tls-client-cert': 'named' } }
    expect(await destroyOrphanSecrets(session, store, NOW, SIGNAL)).toEqual(['old', 'of the future'])
    expect([...secrets.keys()]).toEqual(['named', 'new', 'pool key', 'unmarked'])
  })
})
