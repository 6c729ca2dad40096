import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { converse } from '../../../src/app/cli/converse.ts'
import { TransientError } from '../../../src/base/errors.ts'
import type { OperationStream, StreamChunk } from '../../../src/operations/operation.ts'
import { FakeTerminal } from './fixtures.ts'

/** A conversation that says what it is told to, and keeps what it is told. */
class FakeStream implements OperationStream {
  readonly heard: string[] = []
  readonly sizes: string[] = []
  closed = 0
  #chunks: (StreamChunk | Error | undefined)[] = []
  #wake: () => void = () => undefined
  code: number | undefined = 0

  readonly output = this.#read()

  say(from: 'out' | 'err', text: string): this {
    return this.#push({ from, data: Buffer.from(text) })
  }

  over(error?: Error): this {
    return this.#push(error)
  }

  write(data: Buffer): Promise<void> {
    this.heard.push(data.toString())
    return Promise.resolve()
  }

  end(): void {
    this.heard.push('<end>')
  }

  resize(columns: number, rows: number): Promise<void> {
    this.sizes.push(`${columns}x${rows}`)
    return Promise.resolve()
  }

  exitCode(): Promise<number | undefined> {
    return Promise.resolve(this.code)
  }

  close(): void {
    this.closed++
  }

  #push(chunk: StreamChunk | Error | undefined): this {
    this.#chunks.push(chunk)
    this.#wake()
    return this
  }

  async *#read(): AsyncGenerator<StreamChunk, void> {
    for (;;) {
      while (this.#chunks.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve))
      const next = this.#chunks.shift()
      if (next instanceof Error) throw next
      if (next === undefined) return
      yield next
    }
  }
}

const never = new AbortController().signal
const TYPING = { input: true, tty: true }

describe('converse', () => {
  test('output and error go to ours, and the exit code is the command’s', async () => {
    const [stream, terminal] = [new FakeStream(), new FakeTerminal(false)]
    stream.say('out', 'a').say('err', 'b').say('out', 'c').over()
    stream.code = 42
    expect(await converse(stream, terminal, { input: false, tty: false }, never)).toBe(42)
    expect(terminal.text).toEqual({ out: 'ac', err: 'b' })
    expect(stream.heard).toEqual(['<end>'])
    expect(terminal.modes).toEqual([])
    expect(stream.closed).toBe(1)
  })

  test('standard input goes to the command, with its end', async () => {
    const [stream, terminal] = [new FakeStream(), new FakeTerminal(false)]
    const done = converse(stream, terminal, { input: true, tty: false }, never)
    terminal.typed.write('one\u0010\u0011')
    terminal.typed.end()
    await sleep(5)
    stream.over()
    expect(await done).toBe(0)
    expect(stream.heard.join('')).toBe('one\u0010\u0011<end>')
  })

  test('a terminal is raw meanwhile, and its size is followed', async () => {
    const [stream, terminal] = [new FakeStream(), new FakeTerminal()]
    const done = converse(stream, terminal, TYPING, never)
    expect(terminal.modes).toEqual(['raw'])
    terminal.columns = 132
    terminal.resized?.()
    stream.over()
    await done
    expect(stream.sizes).toEqual(['80x24', '132x24'])
    expect(terminal.modes).toEqual(['raw', 'as before'])
    expect(terminal.resized).toBeUndefined()
  })

  test('when the conversation breaks the terminal is as before, and the error is told', async () => {
    const [stream, terminal] = [new FakeStream(), new FakeTerminal()]
    const broken = new TransientError({ kind: 'x', cause: 'The guest went away', cure: 'Look' })
    stream.say('out', 'half').over(broken)
    await expect(converse(stream, terminal, TYPING, never)).rejects.toBe(broken)
    expect(terminal.modes).toEqual(['raw', 'as before'])
    expect(stream.closed).toBe(1)
  })

  test('when this process is told to stop', async () => {
    const [stream, terminal, stop] = [new FakeStream(), new FakeTerminal(), new AbortController()]
    const done = converse(stream, terminal, TYPING, stop.signal)
    stop.abort(new Error('SIGTERM'))
    await expect(done).rejects.toThrow('SIGTERM')
    expect(terminal.modes).toEqual(['raw', 'as before'])
    expect(stream.closed).toBe(1)
  })

  test('Ctrl-P Ctrl-Q leaves a terminal, also typed one by one; a Ctrl-P alone is passed on', async () => {
    const [stream, terminal] = [new FakeStream(), new FakeTerminal()]
    const done = converse(stream, terminal, TYPING, never)
    for (const keys of ['a\u0010', 'b', '\u0010', '\u0011never']) {
      terminal.typed.write(keys)
      await sleep(2)
    }
    expect(await done).toBe(0)
    expect(stream.heard.join('')).toBe('a\u0010b')
    expect(terminal.modes).toEqual(['raw', 'as before'])
  })
})
