import { beforeAll, expect, test } from 'vitest'
import { renewGuest, type GuestKeys } from '../../../src/app/keys/renew-guest.ts'
import { keyLineFor } from '../../../src/transports/ssh/key-line.ts'
import { blobOf } from '../../../src/app/keys/renew-guest.ts'
import { FakeGuest, fakeKey, type FakeKey } from './fake-guest.ts'

const { signal } = new AbortController()

let old: FakeKey
let wanted: FakeKey
beforeAll(() => {
  ;[old, wanted] = [fakeKey(), fakeKey()]
})

/** As when the previous key is to go: the guest may have either. */
const keys = (more: Partial<GuestKeys> = {}): GuestKeys => ({
  wanted,
  tried: [old, wanted],
  unwanted: [old],
  restrict: false,
  ...more,
})
const renew = (guest: FakeGuest, more?: Partial<GuestKeys>) => renewGuest(keys(more), guest.login, signal)

test('the new key is proved by a login of its own before the old one goes', async () => {
  const guest = new FakeGuest(`no-pty ${old.publicLine}`)
  await renew(guest)
  expect(guest.lines).toEqual([`no-pty ${wanted.publicLine}`])
  expect(guest.asked).toEqual(['login', 'add', 'login', 'check', 'remove'])
  expect(guest.open).toBe(0)
})

test('beside the old one only, while that is still the key of the pool', async () => {
  const guest = new FakeGuest(old.publicLine)
  await renew(guest, { unwanted: [] })
  expect(guest.lines).toEqual([old.publicLine, wanted.publicLine])
})

test('a guest that has the new key already costs one login', async () => {
  const guest = new FakeGuest(wanted.publicLine)
  await renew(guest, { tried: [wanted, old] })
  expect(guest.asked).toEqual(['login', 'remove'])
})

test('a new key that the guest does not take is taken back, and the old one stays', async () => {
  const guest = new FakeGuest(old.publicLine)
  guest.rejected.add(blobOf(wanted))
  await expect(renew(guest)).rejects.toMatchObject({ diagnosis: { kind: 'new-key-refused' } })
  await expect(renew(guest, { restrict: true })).rejects.toThrow(/OpenSSH 7\.8 or later.*without --restrict/)
  expect(guest.lines).toEqual([old.publicLine])
  expect(guest.open).toBe(0)
})

test('a guest that takes neither says so, once for both', async () => {
  await expect(renew(new FakeGuest())).rejects.toMatchObject({ diagnosis: { kind: 'auth-refused' } })
})

test('a guest that keeps its keys elsewhere has to be given the new one by hand; then it is fine', async () => {
  const guest = new FakeGuest(old.publicLine)
  const elsewhere = { login: guest.login }
  const login: typeof guest.login = async (key, inTime) => {
    const shell = await elsewhere.login(key, inTime)
    return { ...shell, run: async () => ({ exitCode: 0, stdout: 'xsc:key:absent\n', stderr: '' }) }
  }
  await expect(renewGuest(keys(), login, signal)).rejects.toThrow(
    /not from the user's ~\/\.ssh\/authorized_keys\. Put the new key/,
  )
  guest.lines.push(wanted.publicLine)
  await renewGuest(keys(), login, signal)
  expect(guest.open).toBe(0)
})

test('what keeps the file from being changed is told in the words of the guest, without its control characters', async () => {
  const guest = new FakeGuest(old.publicLine)
  guest.readOnly = "cp: cannot create '/home/core/.ssh/x': Read-only file system\u001b[31m\n"
  await expect(renew(guest)).rejects.toThrow(
    /could not be changed: cp: cannot create .*Read-only file system\uFFFD\[31m\. Check/,
  )
  expect(guest.lines).toEqual([old.publicLine])
})

test('restricted: the line that is added is, an old one that was not removes itself', async () => {
  const guest = new FakeGuest(old.publicLine)
  await renew(guest, { restrict: true })
  expect(guest.lines).toEqual([keyLineFor(wanted.publicLine, true)])
  expect(guest.asked.at(-1)).toBe('remove')
  expect(guest.open).toBe(0)
})

test('a line that is restricted stays so, asked for or not', async () => {
  for (const restrict of [false, true]) {
    const guest = new FakeGuest(keyLineFor(old.publicLine, true))
    await renew(guest, { restrict })
    expect(guest.lines).toEqual([keyLineFor(wanted.publicLine, true)])
  }
})
