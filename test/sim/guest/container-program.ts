/** What a program in a container has of the world. */
export interface ProgramIo {
  readonly tty: boolean
  /** Resolves once there is room for more. */
  out(text: string | Buffer): Promise<void>
  err(text: string): Promise<void>
  readonly stdin: AsyncIterable<Buffer>
  /** Rows and columns of its terminal. */
  size(): readonly [rows: number, columns: number]
  sleep(seconds: number): Promise<void>
}

/** Runs a command as far as tests need it; gives its exit code. */
export async function runProgram(words: readonly string[], io: ProgramIo): Promise<number> {
  const [name = '', ...args] = words
  switch (name.split('/').at(-1) ?? '') {
    case 'true':
      return 0
    case 'false':
      return 1
    case 'echo':
      return io.out(`${args.join(' ')}\n`).then(() => 0)
    case 'cat':
      for await (const data of io.stdin) await io.out(data)
      return 0
    case 'sleep':
      return io.sleep(Number(args[0])).then(() => 0)
    case 'yes':
      for (;;) await io.out('y\n'.repeat(4096))
    case 'sh':
    case 'bash':
      return args[0] === '-c' && !/exec bash/.test(args[1] ?? '') ? runScript(args[1] ?? '', io) : runShell(io)
    default:
      await io.out(
        `exec failed: unable to start container process: exec: "${name}": executable file not found in $PATH\r\n`,
      )
      return 127
  }
}

/** Commands with `;` between them; `>&2` and `exit N` are known. */
async function runScript(script: string, io: ProgramIo): Promise<number> {
  let code = 0
  for (const part of script.split(';').map((text) => text.trim())) {
    const exit = /^exit (\d+)$/.exec(part)
    if (exit !== null) return Number(exit[1])
    const toErr = />&2$/.test(part)
    const words = part.replace(/>&2$/, '').trim().split(/\s+/)
    code = await runProgram(words, toErr ? { ...io, out: (text) => io.err(String(text)) } : io)
  }
  return code
}

/** A shell for people: shows what is typed, as a terminal does. */
async function runShell(io: ProgramIo): Promise<number> {
  let line = ''
  await io.out('/ # ')
  for await (const data of io.stdin) {
    for (const char of data.toString()) {
      if (char === '\x04') return 0
      if (char !== '\r' && char !== '\n') {
        line += char
        if (io.tty) await io.out(char)
        continue
      }
      if (io.tty) await io.out('\r\n')
      const exit = /^exit(?: (\d+))?$/.exec(line.trim())
      if (exit !== null) return Number(exit[1] ?? 0)
      if (line.trim() === 'stty size') await io.out(`${io.size().join(' ')}\r\n`)
      else if (line.trim() !== '') await runScript(line, io)
      line = ''
      await io.out('/ # ')
    }
  }
  return 0
}
