import { createHash } from 'node:crypto'
import { PassThrough, type Duplex } from 'node:stream'
import type { Clock } from '../../../src/base/clock.ts'
import { frame } from './container-log.ts'
import { runProgram } from './container-program.ts'
import { EngineRefusal, isUp } from './container-store.ts'
import type { SimContainer } from './sim-container.ts'

interface SimExec {
  readonly id: string
  readonly container: SimContainer
  readonly words: readonly string[]
  readonly tty: boolean
  readonly stdin: boolean
  state: 'created' | 'running' | 'ended'
  exitCode: number | null
  size: readonly [rows: number, columns: number]
}

/** The commands that were run in an engine's containers. */
export class ExecStore {
  readonly #byId = new Map<string, SimExec>()
  readonly #clock: Pick<Clock, 'after'>

  constructor(clock: Pick<Clock, 'after'>) {
    this.#clock = clock
  }

  /** How many run now. */
  get running(): number {
    return [...this.#byId.values()].filter(({ state }) => state === 'running').length
  }

  /** POST /containers/{id}/exec; gives the id. */
  create(container: SimContainer, body: Readonly<Record<string, unknown>>): string {
    if (!isUp(container)) throw new EngineRefusal(409, `Container ${container.id} is not running`)
    if (container.live.state === 'paused') {
      throw new EngineRefusal(409, `Container ${container.id} is paused, unpause the container before exec`)
    }
    const words = Array.isArray(body['Cmd']) ? body['Cmd'].map(String) : []
    if (words.length === 0) throw new EngineRefusal(400, 'No exec command specified')
    const id = createHash('sha256').update(`exec ${container.id} ${this.#byId.size}`).digest('hex')
    const [tty, stdin] = [body['Tty'] === true, body['AttachStdin'] === true]
    this.#byId.set(id, { id, container, words, tty, stdin, state: 'created', exitCode: null, size: [24, 80] })
    return id
  }

  /** GET /exec/{id}/json */
  inspect(id: string): Readonly<Record<string, unknown>> {
    const { container, state, exitCode, tty } = this.#find(id)
    const ProcessConfig = { tty, entrypoint: '', arguments: [], privileged: false }
    return { ID: id, Running: state === 'running', ExitCode: exitCode, ProcessConfig, ContainerID: container.id }
  }

  /** POST /exec/{id}/resize */
  resize(id: string, rows: number, columns: number): void {
    const exec = this.#find(id)
    if (exec.state !== 'running') throw new EngineRefusal(409, 'cannot resize a stopped container')
    exec.size = [rows, columns]
  }

  /** POST /exec/{id}/start: throws, or talks on the stream until the command ends; `head` came before. */
  start(id: string, stream: Duplex, head: Buffer): void {
    const exec = this.#find(id)
    if (exec.state !== 'created') throw new EngineRefusal(409, `exec ${id} has already been started`)
    exec.state = 'running'
    stream.write(
      'HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n',
    )
    void this.#run(exec, stream, head)
  }

  async #run(exec: SimExec, stream: Duplex, head: Buffer): Promise<void> {
    const input = new PassThrough()
    input.write(head)
    stream.pipe(input)
    if (!exec.stdin) input.end()
    const gone = new Promise<number>((resolve) => stream.once('close', () => resolve(137)))
    const send = (from: 'out' | 'err', data: Buffer) =>
      new Promise<void>((resolve, reject) => {
        if (stream.destroyed) reject(new Error('nobody listens'))
        else stream.write(exec.tty ? data : frame(from, data), () => resolve())
      })
    const ended = runProgram(exec.words, {
      tty: exec.tty,
      out: (text) => send('out', Buffer.from(text as string)),
      err: (text) => send('err', Buffer.from(text)),
      stdin: input,
      size: () => exec.size,
      sleep: (seconds) => new Promise((resolve) => this.#clock.after(seconds * 1000, resolve)),
    }).catch(() => 137)
    exec.exitCode = await Promise.race([ended, gone])
    exec.state = 'ended'
    stream.end()
  }

  #find(id: string): SimExec {
    const exec = this.#byId.get(id)
    if (exec === undefined) throw new EngineRefusal(404, `No such exec instance: ${id}`)
    return exec
  }
}
