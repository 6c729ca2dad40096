import { describe, expect, test } from 'vitest'
import { NotAnswered, PipeLine } from '../../src/xapi/pipe-line.ts'
import { settle } from '../fakes/fake-clock.ts'
import { http, ScriptedXapi, type Asked } from './scripted-xapi.ts'

/** POSTs `body` over the line; the answer's body. */
async function post(line: PipeLine, body: string, signal = new AbortController().signal): Promise<string> {
  const answer = await line.post({ path: '/', userAgent: 'test', contentType: 'text/plain' }, body, signal)
  return answer.body.toString()
}

const echo = ({ body }: Asked) => http(`re ${body}`)

/** Waits for what the operating system has to carry. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await settle()
}

describe('on one connection', () => {
  test('requests go out before the first answer, in order; each gets its own answer', async () => {
    const open: (() => void)[] = []
    const xapi = await ScriptedXapi.start((asked) => new Promise((resolve) => open.push(() => resolve(echo(asked)))))
    const line = new PipeLine(xapi.path)
    const answers = ['one', 'two', 'three'].map((body) => post(line, body))
    await until(() => open.length === 3)
    expect(xapi.asked.map(({ body }) => body)).toEqual(['one', 'two', 'three'])
    for (const answer of open) answer()
    expect(await Promise.all(answers)).toEqual(['re one', 're two', 're three'])
    expect(xapi.sockets).toHaveLength(1)
    line.close()
  })

  test('a pair sent back to back leaves in as few packets as there are requests, with nothing waited for', async () => {
    const xapi = await ScriptedXapi.start(echo)
    const line = new PipeLine(xapi.path)
    await post(line, 'warm')
    xapi.packets.length = 0
    await Promise.all([post(line, 'remove'), post(line, 'add')])
    expect(xapi.packets.reduce((sum, count) => sum + count, 0)).toBe(2)
    expect(xapi.packets.length).toBeLessThanOrEqual(2)
    line.close()
  })

  test('the connection is kept for later requests, and is idle in between', async () => {
    const xapi = await ScriptedXapi.start(echo)
    const line = new PipeLine(xapi.path)
    for (const body of ['one', 'two', 'three']) {
      expect(await post(line, body)).toBe(`re ${body}`)
      expect(line.busy).toBe(false)
    }
    expect(xapi.sockets).toHaveLength(1)
    line.close()
  })

  test('answers that come in one piece are told apart', async () => {
    const bodies: string[] = []
    const xapi = await ScriptedXapi.start(({ body }, socket) => {
      bodies.push(body)
      if (bodies.length === 2) socket.write(bodies.map((text) => http(`re ${text}`)).join(''))
      return undefined
    })
    const line = new PipeLine(xapi.path)
    expect(await Promise.all([post(line, 'one'), post(line, 'two')])).toEqual(['re one', 're two'])
    line.close()
  })
})

describe('the server', () => {
  test('closes after the first answer: that one counts, the others fail, the next has a new connection', async () => {
    let answered = false
    const xapi = await ScriptedXapi.start((asked, socket) => {
      if (answered) return asked.connection === 0 ? undefined : echo(asked)
      answered = true
      socket.end(echo(asked))
      return undefined
    })
    const line = new PipeLine(xapi.path)
    const [one, two] = await Promise.allSettled([post(line, 'one'), post(line, 'two')])
    expect(one).toEqual({ status: 'fulfilled', value: 're one' })
    expect(two).toMatchObject({ status: 'rejected', reason: expect.any(NotAnswered) as unknown })
    expect(await post(line, 'three')).toBe('re three')
    line.close()
  })

  test('closes in the middle of an answer: that one fails too', async () => {
    const xapi = await ScriptedXapi.start((asked, socket) => {
      socket.end(echo(asked).slice(0, -2))
      return undefined
    })
    const line = new PipeLine(xapi.path)
    await expect(post(line, 'one')).rejects.toThrow('closed before the answer')
  })

  test('ends an answer without a length by closing: it is whole', async () => {
    const xapi = await ScriptedXapi.start((_, socket) => {
      socket.end('HTTP/1.1 500 Internal Server Error\r\n\r\n<html>down</html>')
      return undefined
    })
    expect(await post(new PipeLine(xapi.path), 'one')).toBe('<html>down</html>')
  })

  test('sends what nobody asked for: that connection is over, the next request has its own', async () => {
    const xapi = await ScriptedXapi.start((asked) => (asked.connection === 0 ? echo(asked) + echo(asked) : echo(asked)))
    const line = new PipeLine(xapi.path)
    expect(await post(line, 'one')).toBe('re one')
    await until(() => xapi.sockets[0]!.destroyed)
    expect(await post(line, 'two')).toBe('re two')
    line.close()
  })

  test('sends an answer that cannot be framed: an error, not silence', async () => {
    const xapi = await ScriptedXapi.start(() => 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n')
    await expect(post(new PipeLine(xapi.path), 'one')).rejects.toThrow('chunk size')
  })

  test('is not there: the error says so', async () => {
    await expect(post(new PipeLine('/nonexistent/xapi'), 'one')).rejects.toThrow('ENOENT')
  })
})

describe('giving up', () => {
  test('a lane that is given up takes the others of its connection along, but not later ones', async () => {
    const xapi = await ScriptedXapi.start((asked) => (asked.connection === 0 ? undefined : echo(asked)))
    const line = new PipeLine(xapi.path)
    const quitter = new AbortController()
    const one = post(line, 'one', quitter.signal)
    const two = post(line, 'two')
    const outcomes = Promise.allSettled([one, two])
    await until(() => xapi.asked.length === 2)
    quitter.abort()
    // Asked for in the same moment, before the connection has had time to close.
    const three = post(line, 'three')
    expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(await three).toBe('re three')
    line.close()
  })

  test('closing the line ends what is open', async () => {
    const xapi = await ScriptedXapi.start(() => undefined)
    const line = new PipeLine(xapi.path)
    const one = post(line, 'one')
    one.catch(() => undefined)
    await until(() => xapi.asked.length === 1)
    line.close()
    await expect(one).rejects.toThrow()
    await until(() => xapi.sockets[0]!.destroyed)
  })
})
