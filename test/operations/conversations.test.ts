import { describe, expect, it } from 'vitest'
import { diagnosisOf } from '../../src/base/errors.ts'
import { console } from '../../src/operations/console.ts'
import { exec } from '../../src/operations/exec.ts'
import { followLogs } from '../../src/operations/follow-logs.ts'
import type { OperationStream, StreamOperation } from '../../src/operations/operation.ts'
import { settle } from '../fakes/fake-clock.ts'
import { FakeContext, refusal, SIGNAL, vmRecord } from './fake-context.ts'

const web = { containers: [{ name: 'web' }] }

function run(context: FakeContext, words: readonly string[], more: Readonly<Record<string, string>> = {}) {
  const args = { vmuuid: 'x', container: 'web', command: JSON.stringify(words), ...more }
  return exec.open(context, args, SIGNAL)
}

/** All that came, with where it came from. */
async function told(stream: OperationStream): Promise<[string, string]> {
  const all = { out: '', err: '' }
  for await (const { from, data } of stream.output) all[from] += data.toString()
  return [all.out, all.err]
}

/** Reads until the output holds this text. */
async function until(output: AsyncIterator<{ data: Buffer }>, text: string): Promise<string> {
  let seen = ''
  while (!seen.includes(text)) {
    const next = await output.next()
    if (next.done === true) throw new Error(`ended without ${text}: ${seen}`)
    seen += next.value.data.toString()
  }
  return seen
}

describe('exec', () => {
  it('tells output and error apart, and the exit code', async () => {
    const stream = await run(new FakeContext(web), ['sh', '-c', 'echo one; echo two >&2; exit 3'])
    expect(await told(stream)).toEqual(['one\n', 'two\n'])
    expect(await stream.exitCode(SIGNAL)).toBe(3)
  })

  it('carries standard input to its end, more than fits into any buffer', async () => {
    const context = new FakeContext(web)
    const stream = await run(context, ['cat'], { stdin: 'true' })
    const block = Buffer.alloc(100_000, 'abcdefghij')
    const writing = (async () => {
      for (let i = 0; i < 20; i++) await stream.write(block)
      stream.end()
    })()
    const [out] = await told(stream)
    await writing
    expect(out === block.toString().repeat(20)).toBe(true)
    expect(await stream.exitCode(SIGNAL)).toBe(0)
    await settle()
    expect(context.sim.openConnections).toBeLessThanOrEqual(1)
  })

  it('holds a command back whose output nobody reads', async () => {
    const stream = await run(new FakeContext(web), ['yes'])
    const output = stream.output[Symbol.asyncIterator]()
    await output.next()
    await settle()
    stream.close()
    let rest = 0
    for (;;) {
      const next = await output.next()
      if (next.done === true) break
      rest += next.value.data.length
    }
    expect(rest).toBeLessThan(500_000)
  })

  it('ends the command when it is closed, or its signal aborts', async () => {
    const context = new FakeContext(web)
    const closed = await run(context, ['sleep', '1000'])
    const stop = new AbortController()
    const args = { vmuuid: 'x', container: 'web', command: '["sleep","1000"]' }
    const aborted = await exec.open(context, args, stop.signal)
    expect(context.sim.execs.running).toBe(2)
    const both = [told(closed), refusal(told(aborted))]
    closed.close()
    stop.abort(new Error('gone'))
    expect(await Promise.all(both)).toEqual([['', ''], new Error('gone')])
    await settle()
    expect(context.sim.execs.running).toBe(0)
    await closed.write(Buffer.from('nobody reads this'))
    await closed.resize(1, 1)
  })

  it.each([
    ['no list', 'ls -l'],
    ['an empty list', '[]'],
    ['an empty word', '[""]'],
    ['no texts', '["ls",1]'],
  ])('refuses %s as a command', async (_name, command) => {
    const opening = exec.open(new FakeContext(web), { vmuuid: 'x', container: 'web', command }, SIGNAL)
    expect(diagnosisOf(await refusal(opening)).kind).toBe('bad-argument')
  })

  it('passes on why the engine refuses', async () => {
    const paused = new FakeContext({ containers: [{ name: 'web', state: 'paused' }] })
    expect(String(await refusal(run(paused, ['true'])))).toContain('is paused, unpause the container before exec')
    expect(diagnosisOf(await refusal(run(new FakeContext(), ['true']))).kind).toBe('engine-not-found')
  })
})

describe('console', () => {
  const open = (context: FakeContext) => console.open(context, { vmuuid: 'x', container: 'web' }, SIGNAL)

  it('is a shell with a terminal of the size that it is given', async () => {
    const stream = await open(new FakeContext(web))
    const output = stream.output[Symbol.asyncIterator]()
    await until(output, '/ # ')
    await stream.resize(132, 43)
    await stream.write(Buffer.from('stty size\r'))
    expect(await until(output, '/ # ')).toContain('43 132\r\n')
    await stream.write(Buffer.from('exit 7\r'))
    await expect(until(output, 'never')).rejects.toThrow('ended')
    expect(await stream.exitCode(SIGNAL)).toBe(7)
  })
})

describe('follow_logs', () => {
  const open = (context: FakeContext, more = {}) =>
    followLogs.open(context, { vmuuid: 'x', object: 'web', ...more }, SIGNAL)

  it.each(['docker-20.10', 'podman-4'] as const)(
    'tells the last lines, then what comes, until it ends: %s',
    async (flavour) => {
      const context = new FakeContext({ flavour, containers: [{ name: 'web', log: ['one\n', 'two\n'] }] })
      const stream = await open(context, { lines: '1' })
      const output = stream.output[Symbol.asyncIterator]()
      expect(await until(output, '\n')).toBe('two\n')
      context.sim.print('web', 'three\n', 'err')
      expect(await output.next()).toMatchObject({ value: { from: 'err', data: Buffer.from('three\n') } })
      context.sim.stop('web')
      expect(await output.next()).toMatchObject({ done: true })
      expect(await stream.exitCode(SIGNAL)).toBeUndefined()
    },
  )

  it('can be opened before there is a first line, where the engine sends no headers until then', async () => {
    const context = new FakeContext({ flavour: 'podman-4', ...web })
    const stream = await open(context)
    const first = stream.output[Symbol.asyncIterator]().next()
    await settle()
    context.sim.print('web', 'late\n')
    expect(await first).toMatchObject({ value: { data: Buffer.from('late\n') } })
    stream.close()
  })

  it('has no frames for a container with a terminal', async () => {
    const context = new FakeContext({ containers: [{ name: 'web', tty: true, log: ['\x1B[1mbold'], state: 'exited' }] })
    expect(await told(await open(context))).toEqual(['\x1B[1mbold', ''])
  })

  it('ends when it is closed', async () => {
    const context = new FakeContext(web)
    const stream = await open(context)
    const all = told(stream)
    await settle()
    stream.close()
    expect(await all).toEqual(['', ''])
    await settle()
    expect(context.sim.openConnections).toBeLessThanOrEqual(1)
  })
})

describe('each conversation', () => {
  const all: { name: string; operation: StreamOperation; argument: string }[] = [
    { name: 'exec', operation: exec, argument: 'container' },
    { name: 'console', operation: console, argument: 'container' },
    { name: 'follow_logs', operation: followLogs, argument: 'object' },
  ]
  const args = (name: string, text: string) => ({ vmuuid: 'x', command: '["true"]', [name]: text })

  it.each(all)('$name asks nothing about what can be no container', async ({ operation, argument }) => {
    const context = new FakeContext(web)
    for (const text of ['../../version', 'a b', '', '/web', 'wéb', 'web\n', 'w'.repeat(300)]) {
      expect(diagnosisOf(await refusal(operation.open(context, args(argument, text), SIGNAL))).kind).toBe(
        'bad-container',
      )
    }
    expect(context.sim.requests.size).toBe(0)
  })

  it.each(all)('$name needs a registered VM that runs', async ({ operation, argument }) => {
    const context = new FakeContext(web)
    context.vm = vmRecord({ otherConfig: {} })
    expect(diagnosisOf(await refusal(operation.open(context, args(argument, 'web'), SIGNAL))).kind).toBe(
      'not-registered',
    )
    context.vm = vmRecord({ powerState: 'Halted' })
    expect(diagnosisOf(await refusal(operation.open(context, args(argument, 'web'), SIGNAL))).kind).toBe('not-running')
  })

  it('changes nothing where actions are off, and may still look', async () => {
    const context = new FakeContext({ containers: [{ name: 'web', state: 'exited' }] })
    context.pool = { 'xscontainer-actions': 'OFF' }
    expect(diagnosisOf(await refusal(exec.open(context, args('container', 'web'), SIGNAL))).kind).toBe('actions-off')
    expect(diagnosisOf(await refusal(console.open(context, args('container', 'web'), SIGNAL))).kind).toBe('actions-off')
    expect(await told(await followLogs.open(context, args('object', 'web'), SIGNAL))).toEqual(['', ''])
  })
})
