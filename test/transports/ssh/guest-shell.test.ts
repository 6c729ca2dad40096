import type { AuthContext, Connection, KeyboardAuthContext, ServerChannel } from 'ssh2'
import { afterEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { DiagnosedError, StoppedError } from '../../../src/base/errors.ts'
import type { GuestShell } from '../../../src/model/shell.ts'
import { openGuestShell, type GuestShellOptions, type ShellLogin } from '../../../src/transports/ssh/guest-shell.ts'
import type { Prompt } from '../../../src/transports/ssh/login.ts'
import { SshWire } from '../../sim/guest/ssh-wire.ts'
import { runCommand, startGuest, type FakeGuest, type GuestBehaviour } from './fake-guest.ts'
import { makeKey } from './keys.ts'
import { NEVER, VM } from './trial.ts'

let guest: FakeGuest | undefined
afterEach(async () => {
  await guest?.stop()
  guest = undefined
})

async function open(
  behaviour: GuestBehaviour,
  login: ShellLogin,
  more: Partial<GuestShellOptions> = {},
  signal = NEVER,
) {
  guest = await startGuest(behaviour)
  const where = { vmUuid: VM, address: guest.address, port: guest.port, username: 'core' }
  return openGuestShell(
    systemClock,
    { ...where, login, pinnedHostKey: undefined, connectTimeoutMs: 5000, ...more },
    signal,
  )
}

async function refusal(opening: Promise<GuestShell>): Promise<DiagnosedError['diagnosis']> {
  const error: unknown = await opening.then(
    (shell) => shell.close(),
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(DiagnosedError)
  return (error as DiagnosedError).diagnosis
}

/** A guest that takes these methods, and this password. */
function guestWith(methods: AuthContext['method'][], password = 'right', tries: string[] = []): GuestBehaviour {
  return {
    login(context) {
      if (context.method === 'password') tries.push(context.password)
      if (context.method === 'password' && context.password === password) context.accept()
      else if (context.method === 'keyboard-interactive') questions(context, methods, password, tries)
      else context.reject(methods)
    },
  }
}

function questions(
  context: KeyboardAuthContext,
  methods: AuthContext['method'][],
  password: string,
  tries: string[],
): void {
  context.prompt([{ prompt: 'Password: ', echo: false }], ([answer = '']) => {
    tries.push(answer)
    if (answer === password) context.accept()
    else context.reject(methods)
  })
}

/** USERAUTH_INFO_REQUEST with empty name, instruction and language, which says that so many questions follow. */
function announced(questions: number): Buffer {
  const payload = Buffer.alloc(17)
  payload[0] = 60
  payload.writeUInt32BE(questions, 13)
  return payload
}

describe('logins', () => {
  test('a guest that announces millions of questions gets no room for them', async () => {
    const login = (context: AuthContext) => {
      if (context.method !== 'keyboard-interactive') return context.reject(['keyboard-interactive'])
      const { _protocol } = context as unknown as { _protocol: unknown }
      new SshWire({ _protocol, _sock: { writable: true } } as unknown as Connection).send(announced(33_554_431))
    }
    const { kind, cause } = await refusal(open({ login }, { password: 'right' }))
    expect(kind).toBe('ssh-flood')
    expect(cause).toContain('it asks more than anybody would answer')
  })

  test.each<[AuthContext['method'][]]>([
    [['password']],
    [['keyboard-interactive']],
    [['publickey', 'password', 'keyboard-interactive']],
  ])('a password where the guest takes %j: tried once, by one method', async (methods) => {
    const shell = await open(guestWith(methods), { password: 'right' })
    shell.close()
    await guest?.stop()
    const tries: string[] = []
    const { kind, cause } = await refusal(open(guestWith(methods, 'right', tries), { password: 'wrong' }))
    expect([kind, tries]).toEqual(['auth-password', ['wrong']])
    expect(cause).toMatch(/did not let user core in/)
    expect(cause).not.toContain('wrong.')
  })

  test('the guest is asked again after each refused answer, until there are no more', async () => {
    const answers = ['first', 'second', 'right']
    const asked: Prompt[] = []
    const ask = (prompts: readonly Prompt[]) => {
      asked.push(...prompts)
      return Promise.resolve([answers.shift()!])
    }
    const shell = await open(guestWith(['password']), { ask })
    shell.close()
    expect(asked).toEqual(Array(3).fill({ text: 'Password: ', echo: false }))
    await guest?.stop()
    let left = 2
    const giveUp = () => Promise.resolve(left-- > 0 ? ['no'] : undefined)
    for (const method of ['password', 'keyboard-interactive'] as const) {
      left = 2
      expect((await refusal(open(guestWith([method]), { ask: giveUp }))).kind).toBe('auth-password')
      await guest?.stop()
    }
  })

  test('questions of the guest’s own: shown as it words them, each answered', async () => {
    const login = (context: AuthContext) => {
      if (context.method !== 'keyboard-interactive') return context.reject(['keyboard-interactive'])
      context.prompt(
        [
          { prompt: 'Password: ', echo: false },
          { prompt: 'Code: ', echo: true },
        ],
        (answers) => (answers.join() === 'right,123' ? context.accept() : context.reject(['keyboard-interactive'])),
      )
    }
    const shell = await open(
      { login },
      { ask: (prompts) => Promise.resolve(prompts.map(({ echo }) => (echo ? '123' : 'right'))) },
    )
    shell.close()
    await guest?.stop()
    // A password alone is no answer to two questions: it is not given away.
    expect((await refusal(open({ login }, { password: 'right' }))).kind).toBe('auth-password')
  })

  test('a guest that asks for ever, or a thousand things at once, gets no more answers', async () => {
    let asked = 0
    const again = (context: KeyboardAuthContext): void =>
      context.prompt([{ prompt: 'More: ', echo: true }], () => again(context))
    const endless = (context: AuthContext) =>
      context.method === 'keyboard-interactive' ? again(context) : context.reject(['keyboard-interactive'])
    const ask = (prompts: readonly Prompt[]) => {
      asked += prompts.length
      return Promise.resolve(prompts.map(() => 'x'))
    }
    await refusal(open({ login: endless }, { ask }))
    expect(asked).toBe(12)
    await guest?.stop()
    const many = (context: AuthContext) =>
      context.method === 'keyboard-interactive'
        ? context.prompt(Array(1000).fill({ prompt: 'x', echo: false }) as never, () =>
            context.reject(['keyboard-interactive']),
          )
        : context.reject(['keyboard-interactive'])
    await refusal(open({ login: many }, { ask }))
    expect(asked).toBe(12)
  })

  test('passwords off, and a second proof, have texts of their own; what the guest takes is told', async () => {
    let offered: readonly string[] = []
    const told = { onRefused: (methods: readonly string[]) => (offered = methods) }
    const off = await refusal(open(guestWith(['publickey']), { password: 'x' }, told))
    expect([off.kind, offered]).toEqual(['auth-no-password', ['publickey']])
    expect(off.cause).toMatch(/takes no passwords from user core \(it takes: publickey\)/)
    await guest?.stop()
    const second = (context: AuthContext) => {
      if (context.method !== 'password') return context.reject(['password'])
      context.reject(['publickey'], true)
    }
    expect((await refusal(open({ login: second }, { password: 'x' }))).kind).toBe('auth-second-factor')
  })

  test('a key by its own name', async () => {
    const { key } = makeKey()
    const { cause } = await refusal(open(guestWith(['publickey']), { privateKey: key, called: 'the key in /root/id' }))
    expect(cause).toMatch(/refused the key in \/root\/id for user core/)
  })

  test('the host key is told before anything secret is shown', async () => {
    const seen: string[] = []
    const ask = () => {
      seen.push('asked')
      return Promise.resolve(['right'])
    }
    const shell = await open(guestWith(['password']), { ask }, { onHostKey: (blob) => seen.push(blob.slice(0, 10)) })
    expect(seen).toEqual(['AAAAC3NzaC', 'asked'])
    expect(shell.hostKey).toMatch(/^AAAAC3NzaC/)
    shell.close()
  })

  test('a person who gives up while the guest waits for an answer', async () => {
    const stop = new AbortController()
    const ask = () => {
      stop.abort(new StoppedError('Ctrl-C'))
      return new Promise<undefined>(() => undefined)
    }
    await expect(open(guestWith(['password']), { ask }, {}, stop.signal)).rejects.toThrow(StoppedError)
  })
})

describe('commands', () => {
  const shell = (exec: GuestBehaviour['exec']) => open({ exec: exec! }, { password: 'any' })
  const realSh: GuestBehaviour['exec'] = (command, accept) => {
    const channel = accept()
    runCommand(channel, command)
  }

  test('input, output and exit code', async () => {
    const opened = await shell(realSh)
    expect(await opened.run('cat; exit 7', 'x'.repeat(100_000), NEVER)).toEqual({
      exitCode: 7,
      stdout: 'x'.repeat(100_000),
      stderr: '',
    })
    expect(await opened.run('echo hi', undefined, NEVER)).toMatchObject({ exitCode: 0, stdout: 'hi\n' })
    opened.close()
  })

  const odd =
    (talk: (channel: ServerChannel) => void): GuestBehaviour['exec'] =>
    (_command, accept) =>
      talk(accept())

  test('one that reads nothing of its input, and one that a signal ends', async () => {
    const deaf = await shell(
      odd((channel) => {
        channel.stderr.write('no')
        channel.exit(1)
        channel.close()
      }),
    )
    expect(await deaf.run('x', 'input'.repeat(1000), NEVER)).toEqual({ exitCode: 1, stdout: '', stderr: 'no' })
    deaf.close()
    await guest?.stop()
    const killed = await shell(
      odd((channel) => {
        channel.exit('KILL')
        channel.end()
      }),
    )
    expect((await killed.run('x', undefined, NEVER)).exitCode).toBeUndefined()
    killed.close()
  })

  test('one that writes without end, and a connection that breaks', async () => {
    const flood = await shell(
      odd((channel) => {
        const more = () => void channel.write(Buffer.alloc(64 * 1024), more)
        more()
      }),
    )
    await expect(flood.run('x', undefined, NEVER)).rejects.toMatchObject({ diagnosis: { kind: 'ssh-flood' } })
    flood.close()
    await guest?.stop()
    const broken = await shell(odd(() => void guest?.stop()))
    await expect(broken.run('x', undefined, NEVER)).rejects.toMatchObject({ diagnosis: { kind: 'link-lost' } })
  })

  test('a guest that runs no commands at all', async () => {
    const opened = await open({}, { password: 'any' })
    await expect(opened.run('x', undefined, NEVER)).rejects.toMatchObject({ diagnosis: { kind: 'channel-refused' } })
    opened.close()
  })
})
