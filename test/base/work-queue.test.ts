import { expect, test } from 'vitest'
import { WorkQueue } from '../../src/base/work-queue.ts'
import { settle } from '../fakes/fake-clock.ts'
import { Late, stateOf } from '../fakes/late.ts'

/** A queue whose work ends when the test says so. */
function handmade() {
  const started: string[] = []
  const open: { key: string; late: Late<void> }[] = []
  const defects: string[] = []
  const queue = new WorkQueue<string>(
    (key) => {
      started.push(key)
      const late = new Late<void>()
      open.push({ key, late })
      return late.promise
    },
    (key, error) => defects.push(`${key}: ${error.message}`),
  )
  return { queue, started, open, defects }
}

test('starts at once, and different keys at the same time', () => {
  const { queue, started } = handmade()
  queue.add('a')
  queue.add('b')
  expect(started).toEqual(['a', 'b'])
})

test('repeats during the work become one more round, and never two at the same time', async () => {
  const { queue, started, open } = handmade()
  queue.add('a')
  for (let i = 0; i < 5; i++) queue.add('a')
  await settle()
  expect(started).toEqual(['a'])
  open[0]!.late.resolve()
  await settle()
  expect(started).toEqual(['a', 'a'])
  open[1]!.late.resolve()
  await settle()
  expect(started).toEqual(['a', 'a'])
})

test('a failed round is reported, and the key can be worked on again', async () => {
  const { queue, started, open, defects } = handmade()
  queue.add('a')
  queue.add('a')
  open[0]!.late.reject(new Error('broken'))
  await settle()
  expect(defects).toEqual(['a: broken'])
  expect(started).toEqual(['a', 'a'])
})

test('is idle only after the repeats have been worked on too', async () => {
  const { queue, open } = handmade()
  queue.add('a')
  queue.add('a')
  const idle = stateOf(queue.idle())
  open[0]!.late.resolve()
  await settle()
  expect(idle.state).toBe('pending')
  open[1]!.late.resolve()
  await settle()
  expect(idle.state).toBe('fulfilled')
  await handmade().queue.idle()
})
