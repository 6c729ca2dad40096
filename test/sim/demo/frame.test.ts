import { expect, test } from 'vitest'
import { frame, type Moment } from './frame.ts'
import { styleFor } from './style.ts'
import type { VmView } from './vm-view.ts'

const plain = styleFor({ NO_COLOR: '1', LANG: 'C.UTF-8' }, true)

const CAUSE = `The SSH server of the guest refused the key of this pool. ${'Put it there. '.repeat(30)}`

function vm(change: Partial<VmView>): VmView {
  const image = 'registry.example/team/a-long-image-name:2026.1'
  return {
    name: 'web-01',
    host: 'host-1',
    state: 'monitored',
    status: 'monitored since 2026-01-01T00:00:00Z',
    sinceMs: 0,
    containers: [
      { name: 'web', status: 'Up', ports: '8080:80,8443:443', image, busiest: { command: 'httpd', cpu: 12.4 } },
      { name: 'a\x1b[2Jb', status: 'Exited (1)', ports: '', image: 'x', busiest: undefined },
    ],
    hasTop: true,
    ...change,
  }
}

const moment: Moment = {
  vms: [vm({}), vm({ name: 'db-01', state: 'failed', status: `failed since x: ${CAUSE}`, containers: undefined })],
  plays: [
    { text: 'web-01 migrates', kind: 'vm', beganMs: 0, tookMs: 250, failed: false },
    { text: 'db-01 dies', kind: 'vm', beganMs: 1000, tookMs: undefined, failed: false },
  ],
  nowMs: 3000,
  elapsedS: 3,
  totalS: 30,
  writes: 7,
  graceLeftS: () => undefined,
  fresh: () => false,
}

test.each([40, 80, 99, 100, 110, 123, 200])('no line is wider than a terminal of %i columns', (width) => {
  for (const line of frame(moment, width, 50, plain)) expect(line.length).toBeLessThanOrEqual(width)
})

test.each([5, 12, 24])('there are no more lines than a terminal of %i rows has', (height) => {
  expect(frame(moment, 80, height, plain).length).toBeLessThanOrEqual(height)
})

test('the table tells a VM, its containers and why another one has none', () => {
  const lines = frame(moment, 110, 40, plain)
  expect(lines.find((line) => line.startsWith('web-01'))).toMatch(
    /^web-01 +host-1 monitored +● web +Up +8080:80,… registry.+… +12% httpd$/,
  )
  expect(lines.find((line) => line.startsWith('db-01'))).toMatch(/^db-01 +host-1 failed +The SSH server of the guest/)
  expect(lines.find((line) => line.startsWith('✓'))).toMatch(/^✓ web-01 migrates +in XAPI after 0\.25 s$/)
  expect(lines.find((line) => line.startsWith('▶'))).toMatch(/^▶ db-01 dies +2\.0 s \.\.$/)
})

test('what happens now stands above what has happened', () => {
  const marks = frame(moment, 110, 40, plain).flatMap((line) => /^[▶✓]/.exec(line) ?? [])
  expect(marks).toEqual(['▶', '✓'])
})

test('a VM in its grace says how long its list stays', () => {
  const lost = { ...moment, vms: [vm({ state: 'connecting' })], graceLeftS: () => 3.2 }
  expect(frame(lost, 110, 40, plain).find((line) => line.startsWith('web-01'))).toContain('grace 3 s')
})

test('NO_COLOR, dumb terminals and names of guests bring no escape sequences', () => {
  const shown = (env: Record<string, string>) => frame(moment, 110, 40, styleFor(env, true)).join('\n')
  expect(shown({ NO_COLOR: '1' })).not.toContain('\x1b')
  expect(shown({ TERM: 'dumb' })).not.toContain('\x1b')
  expect(shown({})).toContain('\x1b[32m')
  expect(shown({})).not.toContain('\x1b[2J')
})

test('without UTF-8 only ASCII is used', () => {
  const clean = { ...moment, vms: moment.vms.slice(1) }
  expect(frame(clean, 110, 40, styleFor({ NO_COLOR: '1', LANG: 'C' }, true)).join('')).toMatch(/^[\x20-\x7e]*$/)
})
