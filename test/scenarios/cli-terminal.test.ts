import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { untilDaemonsListen } from './plugin-clients.ts'
import { cliOn, TerminalSession, type RunCli } from './run-cli.ts'
import { World, type WorldGuest } from './world.ts'

let world: World
let guest: WorldGuest
let run: RunCli
beforeAll(async () => {
  world = await World.start()
  run = cliOn(world)
  guest = await world.addGuest({ name: 'vm', engine: { containers: [{ name: 'web', log: ['one\n', 'two\n'] }] } })
  await world.startDaemon()
  await world.untilMonitored(guest)
  await untilDaemonsListen(world)
})
afterAll(() => world.stop())

function terminal(command: string): TerminalSession {
  const session = new TerminalSession(world, command)
  onTestFinished(() => session.kill())
  return session
}

/** How the terminal is left: echo and line editing on. */
const THEN_STATE = '; echo "code $?"; stty -a | grep -oE -- "-?(icanon|echo|isig)\\b" | tr "\\n" " "'
const AS_BEFORE = /code (\d+)\r\nisig icanon echo /

describe('exec without a terminal', () => {
  test('output, error and exit code are the command’s', async () => {
    expect(await run(['exec', 'vm', 'web', 'sh', '-c', 'echo out; echo wrong >&2; exit 7'])).toEqual({
      code: 7,
      out: 'out\n',
      err: 'wrong\n',
    })
  })

  test('standard input goes there only with -i', async () => {
    const input = Buffer.from(Array.from({ length: 500_000 }, (_, i) => 32 + (i % 90)))
    expect((await run(['exec', '-i', 'vm', 'web', 'cat'], input)).out).toBe(input.toString())
    expect((await run(['exec', 'vm', 'web', 'cat'], 'nobody reads this')).out).toBe('')
  })

  test('what the command is not there for is told by its exit code', async () => {
    expect((await run(['exec', 'vm', 'web', 'nosuchprogram'])).code).toBe(127)
    const none = await run(['exec', 'vm', 'nobody', 'true'])
    expect(none.code).toBe(1)
    expect(none.err).toContain('No such container: nobody')
  })

  test('-it needs a terminal', async () => {
    for (const words of [
      ['exec', '-it', 'vm', 'web', 'sh'],
      ['console', 'vm', 'web'],
    ]) {
      const { code, out, err } = await run(words)
      expect([code, out]).toEqual([1, ''])
      expect(err).toMatch(/needs a terminal as its input/)
    }
  })

  test('Ctrl-C ends it with 130', async () => {
    expect(await run(['exec', 'vm', 'web', 'sleep', '100'], '', 2500)).toMatchObject({ code: 130 })
    expect(await run(['logs', '-f', 'vm', 'web'], '', 2500)).toMatchObject({ code: 130, out: 'one\ntwo\n', err: '' })
  })
})

test('logs --follow shows what comes, and ends with the container', async () => {
  guest.engine.run({ name: 'job' })
  guest.engine.print('job', 'before\n')
  const { log } = guest.engine.store.find('job')
  const follow = log.follow.bind(log)
  let followed = false
  log.follow = (follower) => {
    followed = true
    return follow(follower)
  }
  const following = run(['logs', '--follow', 'vm', 'job'])
  await world.until('it is followed', () => followed)
  guest.engine.print('job', '\u001b[1mbold\u001b[0m\n')
  guest.engine.print('job', 'wrong\n', 'err')
  guest.engine.store.stop(guest.engine.store.find('job'))
  expect(await following).toEqual({ code: 0, out: 'before\nbold\n', err: 'wrong\n' })
})

describe('on a terminal', () => {
  test('console: a shell with the terminal’s size, its exit code, and the terminal as before', async () => {
    const resized = () => guest.engine.requestCount(/\/resize$/)
    const before = resized()
    const session = terminal(`xscontainer console vm web${THEN_STATE}`)
    await session.until(world, /\/ # $/)
    // Engines before API 1.42 are told the size when the command runs, which may be after its prompt.
    await world.until('the shell has been told the size', () => resized() > before)
    session.type('stty size\r')
    await session.until(world, /33 101\r\n\/ # $/)
    session.type('exit 5\r')
    const shown = await session.until(world, AS_BEFORE)
    expect(AS_BEFORE.exec(shown)?.[1]).toBe('5')
    await session.ended
  })

  test('exec -it: every key goes to the command, Ctrl-C too', async () => {
    const session = terminal(`xscontainer exec -it vm web sh${THEN_STATE}`)
    await session.until(world, /\/ # $/)
    session.type('\u0003x')
    await session.until(world, /\u0003x$/)
    session.type('\u0010\u0011')
    expect(AS_BEFORE.exec(await session.until(world, AS_BEFORE))?.[1]).toBe('0')
  })

  test('a monitor that dies meanwhile is told, and the terminal is as before', async () => {
    const own = await World.start()
    onTestFinished(() => own.stop())
    const vm = await own.addGuest({ name: 'vm', engine: { containers: [{ name: 'web' }] } })
    const daemon = await own.startDaemon()
    await own.untilMonitored(vm)
    await untilDaemonsListen(own)
    const session = new TerminalSession(own, `xscontainer console vm web${THEN_STATE}`)
    onTestFinished(() => session.kill())
    await session.until(own, /\/ # $/)
    await daemon.kill()
    const shown = await session.until(own, AS_BEFORE)
    expect(shown).toMatch(
      /xscontainer: The monitor on this host, which held the connection to the container, went away\./,
    )
    expect(AS_BEFORE.exec(shown)?.[1]).toBe('1')
  })

  test('watch: a live screen, sorted by keys, until q; what was on the screen comes back', async () => {
    const session = terminal(`xscontainer watch${THEN_STATE}`)
    const first = await session.until(world, /web +vm|vm +web/)
    expect(first).toContain('\u001b[?1049h')
    expect(first).toMatch(/by cpu/)
    guest.engine.run({ name: 'newcomer' })
    await session.until(world, /newcomer/)
    session.type('n')
    await session.until(world, /by name/)
    session.type('r')
    await session.until(world, /the other way round/)
    session.type('q')
    const last = await session.until(world, AS_BEFORE)
    expect(last).toContain('\u001b[?1049l')
    expect(AS_BEFORE.exec(last)?.[1]).toBe('0')
  })
})
