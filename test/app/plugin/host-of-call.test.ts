import { expect, test } from 'vitest'
import { hostOfCall } from '../../../src/app/plugin/host-of-call.ts'
import { RefusedError } from '../../../src/base/errors.ts'
import { XapiFailure } from '../../../src/xapi/errors.ts'

const signal = new AbortController().signal
const UUID = 'cd23b4ed-b799-4066-87be-ee0f196df73a'
const HERE = 'OpaqueRef:here'

type Answer = unknown

/** XAPI that answers each method with this, by its first parameter where there are several. */
function xapi(answers: Readonly<Record<string, Answer>>) {
  return {
    call(method: string, [first]: readonly unknown[]): Promise<unknown> {
      const answer = answers[`${method} ${String(first)}`] ?? answers[method]
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)
    },
  }
}

const call = (fn: string, args: Readonly<Record<string, string>>) => ({ fn, session: 'OpaqueRef:s', args })
const gone = (method: string) => new XapiFailure(method, ['UUID_INVALID', 'X', UUID])

/** Storage that these hosts are connected to. */
function storage(hosts: Readonly<Record<string, boolean>>) {
  return xapi({
    'SR.get_by_uuid': 'OpaqueRef:sr',
    'VDI.get_by_uuid': 'OpaqueRef:vdi',
    'VDI.get_SR': 'OpaqueRef:sr',
    'SR.get_record': { uuid: UUID, name_label: 'Local', PBDs: Object.keys(hosts) },
    ...Object.fromEntries(
      Object.entries(hosts).map(([host, currently_attached]) => [
        `PBD.get_record ${host}`,
        { host, currently_attached },
      ]),
    ),
  })
}

test('a call about a VM is for the host that it is on, or for none', async () => {
  const on = (host: string) => xapi({ 'VM.get_by_uuid': 'OpaqueRef:vm', 'VM.get_resident_on': host })
  const stop = call('stop', { vmuuid: UUID })
  expect(await hostOfCall(on('OpaqueRef:h'), stop, HERE, signal)).toBe('OpaqueRef:h')
  expect(await hostOfCall(on('OpaqueRef:NULL'), stop, HERE, signal)).toBeUndefined()
})

const aboutStorage = [
  call('create_config_drive', { vmuuid: UUID, sruuid: UUID, configuration: 'x' }),
  call('get_config_drive_configuration', { vdiuuid: UUID }),
]

test.each(aboutStorage)('$fn is for a host that has the storage attached, rather this one', async (about) => {
  expect(await hostOfCall(storage({ a: false, b: true, c: true }), about, HERE, signal)).toBe('b')
  expect(await hostOfCall(storage({ b: true, [HERE]: true }), about, HERE, signal)).toBe(HERE)
})

test.each(aboutStorage)('$fn: storage that no host has attached is named, with the cure', async (about) => {
  await expect(hostOfCall(storage({ a: false }), about, HERE, signal)).rejects.toMatchObject({
    name: 'RefusedError',
    diagnosis: { kind: 'sr-detached', cause: /"Local" is not attached/, cure: /xe pbd-plug/ },
  })
})

test.each([
  ['VM', call('stop', { vmuuid: UUID }), 'no-such-vm'],
  ['SR', aboutStorage[0]!, 'no-such-sr'],
  ['VDI', aboutStorage[1]!, 'no-such-vdi'],
])('no such %s: the uuid is named', async (cls, about, kind) => {
  const none = xapi({ [`${cls}.get_by_uuid`]: gone(`${cls}.get_by_uuid`) })
  const error: unknown = await hostOfCall(none, about, HERE, signal).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(RefusedError)
  expect(error).toMatchObject({ diagnosis: { kind, cause: new RegExp(UUID) } })
})

test('what is no uuid is refused before XAPI is asked', async () => {
  const nobody = { call: () => Promise.reject(new Error('asked')) }
  for (const about of [
    call('create_config_drive', { sruuid: `${UUID}\n` }),
    call('get_config_drive_configuration', {}),
  ])
    await expect(hostOfCall(nobody, about, HERE, signal)).rejects.toMatchObject({ diagnosis: { kind: 'bad-uuid' } })
})
