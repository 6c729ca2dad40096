import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { beforeEach, expect, test } from 'vitest'
import { WorkShare } from '../../../src/transports/ssh/work-share.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'

/** What comes over it takes so long to deal with. */
class BusySocket extends EventEmitter {
  paused = 0
  resumed = 0
  constructor(clock: FakeClock, msEach: number) {
    super()
    this.on('data', () => clock.pass(msEach))
  }
  pause() {
    this.paused++
  }
  resume() {
    this.resumed++
  }
}

let clock: FakeClock
let share: WorkShare
beforeEach(() => {
  clock = new FakeClock()
  share = new WorkShare(clock)
})

function watched(msEach: number): BusySocket {
  const socket = new BusySocket(clock, msEach)
  share.watch(socket as unknown as Socket)
  return socket
}

test('a guest that says a little, or one long list, is read at once', async () => {
  const socket = watched(1)
  for (let i = 0; i < 60; i++) {
    socket.emit('data')
    await clock.advance(1000)
  }
  for (let i = 0; i < 200; i++) socket.emit('data')
  expect(socket.paused).toBe(0)
})

test('one that never stops has to wait, and is read again', async () => {
  const socket = watched(10)
  for (let i = 0; socket.paused === 0; i++) {
    expect(i).toBeLessThan(200)
    socket.emit('data')
  }
  expect(socket.resumed).toBe(0)
  await clock.advance(1000)
  expect(socket.resumed).toBe(1)
})

test('many that never stop have one share together, and others are not held up', () => {
  const floods = Array.from({ length: 20 }, () => watched(10))
  const quiet = watched(10)
  // Their own shares, 300 ms each, and the common one are used up after this.
  for (let i = 0; i < 60; i++) for (const flood of floods) if (flood.paused === flood.resumed) flood.emit('data')
  expect(floods.every(({ paused }) => paused === 1)).toBe(true)
  quiet.emit('data')
  expect(quiet.paused).toBe(0)
})

test('a connection that ends leaves no timer behind', () => {
  const socket = watched(2000)
  socket.emit('data')
  expect(clock.pending).toBe(1)
  socket.emit('close')
  expect(clock.pending).toBe(0)
})
