import { expect, test } from 'vitest'
import { spendText } from '../../../src/app/cli/spend-line.ts'
import { logSpend, spendDocument } from '../../../src/app/spend-document.ts'
import { Spend } from '../../../src/publish/spend.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'
import { RecordingLog } from '../../fakes/recording-log.ts'

async function document() {
  const clock = new FakeClock()
  const spend = new Spend(clock)
  spend.wrote(40, 2_000_000)
  spend.waited(1234.4)
  await clock.advance(120_000)
  spend.wrote(4, 100_000)
  return spendDocument({ spend, backlog: 3 }, 400)
}

test('what the monitor says of its writes becomes a line', async () => {
  expect(spendText(JSON.stringify(await document()))).toBe(
    "\nXAPI writes by this host's monitor: 4 in the last minute, 44 in the last hour (2.1 MB); at most 400 per second; 3 VMs wait\n",
  )
})

test('the log tells of the last hour', async () => {
  const recording = new RecordingLog()
  logSpend(recording.log, await document())
  expect(recording.lines).toEqual([
    expect.objectContaining({
      calls: 44,
      bytes: 2_100_000,
      longest_wait_ms: 1234,
      calls_per_s_at_most: 400,
      waiting: 3,
    }),
  ])
})

test.each(['', 'true', '{}', '{"last_minute":7}', '{"last_minute":{"calls":"x"},"last_hour":{}}'])(
  'what is no such document is no line: %s',
  (json) => {
    expect(spendText(json)).toBe('')
  },
)
