import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest'
import type { Person, PrepareWish } from '../../src/app/prepare/prepare-context.ts'
import { StoppedError } from '../../src/base/errors.ts'
import { callHost, installPlugin } from '../scenarios/plugin-clients.ts'
import { cliOn, TerminalSession, type CliResult, type RunCli } from '../scenarios/run-cli.ts'
import { POOL_PUBLIC_LINE, type World } from '../scenarios/world.ts'
import type { SimVm } from '../sim/xapi/pool-helpers.ts'
import { describeReal } from './describe-real.ts'
import { prepareHere, type Prepared, type PrepareHere } from './prepare-here.ts'
import { RealDockerd } from './real-dockerd.ts'
import { RealGuest } from './real-guest.ts'
import { RealSshd } from './real-sshd.ts'
import { endAll, startWorld, type RealSetting } from './real-world.ts'
import { testKey } from './test-key.ts'

vi.setConfig({ testTimeout: 120_000 })
const PASSWORD = `it's "secret" $HOME \\ !`
const BLOB = POOL_PUBLIC_LINE.split(' ')[1]!
const OTHERS = `# of the team\nssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOx8 anna@home`
/** sshd for users whom some administrator has set up otherwise. */
const SSHD = [
  'Match User keysonly,keysonly2',
  'PasswordAuthentication no',
  'KbdInteractiveAuthentication no',
  'Match User asked',
  'PasswordAuthentication no',
  'KbdInteractiveAuthentication yes',
  'Match User elsewhere',
  'AuthorizedKeysFile /etc/ssh/keys/%u',
  'Match User onetry',
  'MaxAuthTries 1',
  'Match User filesonly',
  'ForceCommand internal-sftp',
  'Match all',
]

describeReal('prepare-vm on a stock sshd with a real dockerd', ['sshd', 'dockerd', 'shells'], () => {
  const setting: RealSetting = { guests: [] }
  let world: World
  let guest: RealGuest
  let sshd: RealSshd
  let run: RunCli
  let passwordFile: string

  beforeAll(async () => {
    guest = await RealGuest.start()
    setting.guests.push(guest)
    const dockerd = await RealDockerd.start(guest, { net: 'host' })
    // AuthorizedKeysFile elsewhere is found where an administrator writes it: in the file itself.
    sshd = await RealSshd.start(guest, { network: '127.67.0', config: SSHD })
    await dockerd.containers.run({ name: 'web', network: 'none' })
    world = setting.world = await startWorld(sshd.port)
    run = cliOn(world)
    installPlugin(world)
    passwordFile = join(world.dir, 'password')
    await writeFile(passwordFile, `${PASSWORD}\n`, { mode: 0o600 })
    await world.startDaemon()
  }, 120_000)
  afterAll(() => endAll(setting))

  /** A fresh user with a password, and a VM that nobody has prepared. */
  async function fresh(name: string, { groups = ['docker'], shell = '/bin/bash' } = {}): Promise<SimVm> {
    await guest.addUser({ name, groups })
    const setUp = 'printf "%s:%s\\n" "$1" "$2" | chpasswd; usermod -s "$3" "$1"'
    await guest.exec('sh', '-c', setUp, 'sh', name, PASSWORD, shell)
    return vmFor(name)
  }

  const vmFor = (name: string) => world.pool.createVm({ name, networks: { '0/ip': sshd.address } })
  const keysOf = (user: string) => readFile(guest.inside(`/home/${user}/.ssh/authorized_keys`), 'utf8')
  const prepare = (vm: SimVm, user: string, ...more: string[]) =>
    run(['prepare-vm', vm.uuid, '-u', user, '--password-file', passwordFile, '--yes', ...more])
  const here = (vm: SimVm, username: string, wish: Partial<PrepareWish> = {}, how: PrepareHere = {}) =>
    prepareHere(world, vm, { username, credentials: { password: PASSWORD }, ...wish }, how)
  const undo = (vm: SimVm) => run(['prepare-vm', vm.uuid, '--undo', '--yes'])

  /** What of its other_config is xscontainer's. */
  const ours = (vm: SimVm) =>
    Object.fromEntries(Object.entries(world.config(vm)).filter(([key]) => /^(?:xscontainer|docker)[-_]/.test(key)))

  function expectPrepared(vm: SimVm, done: CliResult): void {
    expect([done.code, done.err]).toEqual([0, ''])
    expect(Object.keys(world.containers(vm))).toEqual(['web'])
    expect(world.config(vm)['xscontainer-monitor']).toBe('True')
  }

  function expectMonitored(vm: SimVm, { error }: Prepared): void {
    expect(error).toBeUndefined()
    expect(Object.keys(world.containers(vm))).toEqual(['web'])
  }

  function expectUntouched(vm: SimVm): void {
    expect(ours(vm)).toEqual({})
  }

  it.concurrent('from password login to monitored by one command, and back by --undo', async () => {
    const vm = await fresh('anna')
    await guest.authorize('anna')
    await writeFile(guest.inside('/home/anna/.ssh/authorized_keys'), OTHERS)
    const done = await prepare(vm, 'anna')
    expectPrepared(vm, done)
    expect(done.out).toContain(`host key SHA256:`)
    expect(done.out.match(/ \.\. (\w+)/g)).toEqual(Array(11).fill(' .. done'))
    expect(await keysOf('anna')).toBe(`${OTHERS}\n${POOL_PUBLIC_LINE}\n`)
    expect(world.config(vm)).toMatchObject({
      'xscontainer-username': 'anna',
      'xscontainer-sshhostkey': await sshd.hostKey('ed25519'),
    })
    expect(await guest.exec('stat', '-c', '%a %U', '/home/anna/.ssh/authorized_keys')).toBe('600 anna\n')

    const again = await run(['prepare-vm', vm.uuid, '--yes'])
    expectPrepared(vm, again)
    expect(again.out).toContain("it knows the pool's key already")

    const back = await undo(vm)
    expect([back.code, back.err]).toEqual([0, ''])
    expect(await keysOf('anna')).toBe(`${OTHERS}\n`)
    expect(ours(vm)).toEqual({ 'xscontainer-monitor': 'False' })
    expect((await undo(vm)).code).toBe(0)
  })

  it.concurrent.each(['/usr/bin/fish', '/usr/bin/tcsh', '/bin/rbash'])('a user whose shell is %s', async (shell) => {
    const user = `user-${shell.split('/').at(-1)!}`
    const vm = await fresh(user, { shell })
    expectMonitored(vm, await here(vm, user))
    expect((await here(vm, user, { undo: true })).error).toBeUndefined()
    expect(await keysOf(user)).toBe('')
    expect(ours(vm)).toEqual({ 'xscontainer-monitor': 'False' })
  })

  it.concurrent('a key for monitoring only is installed and taken back', async () => {
    const vm = await fresh('narrow')
    expectMonitored(vm, await here(vm, 'narrow', { restrict: true }))
    expect(await keysOf('narrow')).toMatch(/^restrict,.*command=.*\n$/)
    // By the key itself, which may do this and nothing else there.
    expect((await here(vm, 'narrow', { undo: true, credentials: {} })).error).toBeUndefined()
    expect(await keysOf('narrow')).toBe('')
  })

  it.concurrent.each<[string, string, { shell?: string } | undefined, RegExp]>([
    [
      'a user who is not there',
      'nobody-here',
      undefined,
      /user nobody-here in with this password.*no such user.*--username/,
    ],
    ['root, whom sshd lets in by key only', 'root', undefined, /PermitRootLogin/],
    [
      'an sshd with passwords off',
      'keysonly',
      {},
      /takes no passwords from user keysonly \(it takes: publickey\).*--identity/,
    ],
    ['a shell that is none', 'nologin', { shell: '/usr/sbin/nologin' }, /runs no commands.*not available.*usermod -s/],
    ['files only', 'filesonly', {}, /runs no commands/],
  ])('%s: its own cause, and nothing is changed', async (_what, user, given, cause) => {
    const vm = given === undefined ? vmFor(user) : await fresh(user, given)
    const { out, error, stays } = await here(vm, user)
    expect(String(error)).toMatch(cause)
    expect(out.match(/ \.\. failed$/gm)).toHaveLength(1)
    expect(stays).toBe('')
    expect(out + String(error)).not.toContain(PASSWORD)
    expectUntouched(vm)
  })

  it.concurrent('nobody to ask for a password', async () => {
    const vm = await fresh('unasked')
    const { error } = await here(vm, 'unasked', { credentials: {} })
    expect(String(error)).toMatch(/there is no terminal to ask for the password of user unasked.*--password-file/)
    expectUntouched(vm)
  })

  it.concurrent('a home that is read-only is named', async () => {
    const vm = await fresh('readonly')
    await guest.exec('mount', '-t', 'tmpfs', '-o', 'ro', 'tmpfs', '/home/readonly')
    const { error, stays } = await here(vm, 'readonly')
    expect(String(error)).toMatch(
      /User readonly cannot write \/home\/readonly\/\.ssh in the guest at \S+ \(.*Read-only file system\).*mount/,
    )
    expect(stays).toBe('')
    expectUntouched(vm)
  })

  it.concurrent("a file of root's that the user cannot read is named", async () => {
    const vm = await fresh('locked')
    await guest.authorize('locked', OTHERS)
    await guest.exec('chown', 'root:root', '/home/locked/.ssh/authorized_keys')
    const { error } = await here(vm, 'locked')
    expect(String(error)).toMatch(/User locked cannot read \/home\/locked\/\.ssh\/authorized_keys.*chown locked:/)
    expect(await keysOf('locked')).toBe(`${OTHERS}\n`)
  })

  it.concurrent('keys that sshd ignores over wrong modes: they are put right', async () => {
    const vm = await fresh('loose')
    await guest.authorize('loose', OTHERS)
    await guest.exec('chmod', '777', '/home/loose', '/home/loose/.ssh')
    await guest.exec('chmod', '666', '/home/loose/.ssh/authorized_keys')
    const done = await here(vm, 'loose')
    expectMonitored(vm, done)
    expect(done.out.match(/sshd would ignore the key: they no longer can/g)).toHaveLength(3)
  })

  it.concurrent('keys in a file elsewhere that a link leads to', async () => {
    const vm = await fresh('linked')
    const script = 'mkdir -p .ssh keys && ln -s ../keys/mine .ssh/authorized_keys && echo "$0" >keys/mine'
    await guest.exec('runuser', '-u', 'linked', '--', 'sh', '-c', `cd /home/linked && ${script}`, OTHERS)
    expectMonitored(vm, await here(vm, 'linked'))
    expect(await readFile(guest.inside('/home/linked/keys/mine'), 'utf8')).toBe(`${OTHERS}\n${POOL_PUBLIC_LINE}\n`)
  })

  it.concurrent(
    'sshd looks for keys elsewhere: the fresh login fails, the place and what stays are named',
    async () => {
      const vm = await fresh('elsewhere')
      const { error, stays } = await here(vm, 'elsewhere')
      expect(String(error)).toMatch(
        /key is in \/home\/elsewhere\/\.ssh\/authorized_keys .* sshd there looks for keys elsewhere \(AuthorizedKeysFile \/etc\/ssh\/keys\/%u\)/,
      )
      expect(stays).toMatch(
        /^What was done stays: the pool's key is in \/home\/elsewhere\/\.ssh\/authorized_keys of the guest\. Take it back with: xscontainer prepare-vm \S+ --undo$/,
      )
      expectUntouched(vm)
      // The guest does not let it in, so that the password is needed to take it back.
      expect((await here(vm, 'elsewhere', { undo: true })).error).toBeUndefined()
      expect(await keysOf('elsewhere')).toBe('')
    },
  )

  it.concurrent(
    'a user who may not use the engine: the exact command, which sudo runs where that is wanted',
    async () => {
      const vm = await fresh('outside', { groups: ['sudo'] })
      const told = await here(vm, 'outside')
      expect(String(told.error)).toMatch(
        /User outside may not use the engine's socket .* As root in the guest: usermod -aG docker outside .*--sudo/,
      )
      expectUntouched(vm)
      // The key is there by now: the password is needed for sudo alone.
      expectMonitored(vm, await here(vm, 'outside', { sudo: true }))
      expect(await guest.exec('id', '-nG', 'outside')).toMatch(/\bdocker\b/)
    },
  )

  it.concurrent('a guest that shows another host key at the second login gets no password', async () => {
    const other = await RealGuest.start()
    setting.guests.push(other)
    const swapped = await RealSshd.start(other, { network: '127.67.1', port: sshd.port })
    await other.addUser({ name: 'core' })
    const vm = world.pool.createVm({ name: 'swapped', networks: { '0/ip': swapped.address } })
    let answered = false
    const person: Person = {
      async confirm() {
        await swapped.stop()
        await swapped.changeHostKeys()
        await swapped.startAgain()
        return true
      },
      consent: () => Promise.resolve(false),
      answer: () => Promise.resolve((answered = true) ? ['password'] : []),
    }
    const { error } = await prepareHere(world, vm, {}, { person })
    expect(String(error)).toMatch(/showed the SSH host key SHA256:\S+ \(ssh-ed25519\) first and then another one/)
    expect(answered).toBe(false)
    expectUntouched(vm)
    // And one that is not the pinned one, at the first.
    await world.setKey(vm, 'xscontainer-sshhostkey', await sshd.hostKey('ed25519'))
    expect(String((await prepareHere(world, vm, {})).error)).toMatch(/is pinned for this VM.*xe vm-param-remove/)
  })

  it.concurrent.each<[string, RegExp]>([
    ['check that the VM runs', /^$/],
    ["read the pool's key", /^$/],
    ['reach the guest', /^$/],
    ['log in as user', /^$/],
    ["install the pool's key", /stays: the pool's key may be in ~\S+ of the guest\. Take it back/],
    ['log in anew', /stays: the pool's key is in \S+ of the guest\. /],
    ['find the container', /stays: the pool's key is in \S+ of the guest\. /],
    ['ask the engine', /stays: the pool's key is in \S+ of the guest\. /],
    ["set the VM's other-config", /guest; the VM's other-config keys xscontainer-username, .* may be set\. /],
    ['register the VM', /has new values of xscontainer-username, [\w-]+, xscontainer-sshhostkey-vm\. /],
    ['wait for the', /has new values of .*; the VM is registered\. /],
  ])('Ctrl-C at "%s": what was done is named, and --undo takes it back', async (title, stays) => {
    const user = `stop-${title.replace(/\W+/g, '').slice(0, 20).toLowerCase()}`
    const vm = await fresh(user)
    const stop = new AbortController()
    const watch = (text: string) => text.startsWith(title) && stop.abort(new StoppedError('stopped by SIGINT'))
    const stopped = await here(vm, user, {}, { watch, signal: stop.signal })
    expect(stopped.error).toBeInstanceOf(StoppedError)
    expect(stopped.out).toMatch(/ \.\. stopped\n$/)
    expect(stopped.stays).toMatch(stays)
    if (stopped.stays === '') {
      expectUntouched(vm)
      await expect(keysOf(user)).rejects.toThrow('ENOENT')
    }
    expect((await here(vm, user, { undo: true })).error).toBeUndefined()
    // The daemon was not asked but sees it, and takes its own away.
    await world.until('all is taken back', () => Object.keys(ours(vm)).join() === 'xscontainer-monitor')
    expect(await keysOf(user).catch(() => '')).not.toContain(BLOB)
  })

  it.concurrent('a wrong password in the file: exit code 1 and the cause, and nothing is changed', async () => {
    const vm = await fresh('wrong')
    const file = join(world.dir, 'other-password')
    await writeFile(file, 'not the password\n', { mode: 0o644 })
    const { code, out, err } = await run(['prepare-vm', vm.uuid, '-u', 'wrong', '--password-file', file, '--yes'])
    expect(err).toMatch(/^xscontainer: Everybody on this host can read the password in .*: chmod 600/)
    expect(err).toMatch(/did not let user wrong in with this password: it is wrong, or there is no such user/)
    expect(code).toBe(1)
    expect(out).toMatch(/log in as user wrong \.\. failed\n$/)
    expect(err).not.toContain('not the password')
    expectUntouched(vm)
  })

  it.concurrent('a guest that hangs up at the first refusal (MaxAuthTries 1)', async () => {
    const vm = await fresh('onetry')
    const wrong = await here(vm, 'onetry', { credentials: { password: 'wrong' } })
    expect(String(wrong.error)).toMatch(/did not let user onetry in with this password: it is wrong/)
    expectUntouched(vm)
    expectMonitored(vm, await here(vm, 'onetry'))
    expect((await here(vm, 'onetry', { undo: true })).error).toBeUndefined()
    expect(await keysOf('onetry')).toBe('')
  })

  it.concurrent('a key that the guest knows, where sshd takes no passwords', async () => {
    const { privateKey, publicKey } = testKey('ed25519')
    await guest.addUser({ name: 'keysonly2', groups: ['docker'], keys: [publicKey] })
    const vm = vmFor('keysonly2')
    const file = join(world.dir, 'identity')
    await writeFile(file, privateKey, { mode: 0o600 })
    expectPrepared(vm, await run(['prepare-vm', vm.uuid, '-u', 'keysonly2', '--identity', file, '--yes']))
    expect(await keysOf('keysonly2')).toBe(`${publicKey}\n${POOL_PUBLIC_LINE}\n`)
    const unknown = join(world.dir, 'unknown')
    await writeFile(unknown, testKey('ed25519').privateKey, { mode: 0o600 })
    const refused = await run(['prepare-vm', vmFor('unknown').uuid, '-u', 'nobody', '--identity', unknown, '--yes'])
    expect(refused.err).toMatch(/refused the key in \S+unknown for user nobody/)
    const notKey = await run(['prepare-vm', vm.uuid, '--identity', passwordFile, '--yes'])
    expect([notKey.code, notKey.err]).toEqual([1, expect.stringMatching(/password holds no private key/)])
  })

  it.concurrent('--dry-run changes nothing', async () => {
    const vm = await fresh('looked')
    const { code, out, err } = await prepare(vm, 'looked', '--dry-run')
    expect([code, err]).toEqual([0, ''])
    expect(out).toMatch(
      /Would log in as user looked and add the pool's key[^]*Would set [^]*Would register[^]*Nothing was changed/,
    )
    expectUntouched(vm)
    await expect(keysOf('looked')).rejects.toThrow('ENOENT')
  })

  it.concurrent('the command under its old name, with its old options', async () => {
    const vm = await fresh('old')
    const words = ['-v', vm.uuid, '-u', 'old', '--mode', 'ssh', '--password-file', passwordFile, '--yes']
    expectPrepared(vm, await cliOn(world, undefined, 'xscontainer-prepare-vm')(words))
    expect(world.config(vm)['xscontainer-username']).toBe('old')
  })

  it.concurrent('the line of --print, pasted into the shells of guests', async () => {
    const { code, out, err } = await run(['prepare-vm', '--print'])
    expect([code, err, out.split('\n').length]).toEqual([0, '', 2])
    expect(out).not.toContain('PRIVATE')
    for (const shell of ['/bin/sh', '/usr/bin/fish', '/usr/bin/tcsh']) {
      const user = `paste-${shell.split('/').at(-1)!}`
      await fresh(user, { shell })
      await guest.authorize(user)
      await writeFile(guest.inside(`/home/${user}/.ssh/authorized_keys`), OTHERS)
      for (let i = 0; i < 2; i++)
        await guest.exec('runuser', '-u', user, '--', 'env', `HOME=/home/${user}`, shell, '-c', out.trim())
      expect(await keysOf(user)).toBe(`${OTHERS}\n${POOL_PUBLIC_LINE}\n`)
    }
  })

  it('a password typed on the terminal: not shown, a wrong one asked for again, by the guest’s own question', async () => {
    const vm = await fresh('asked')
    const session = new TerminalSession(world, `xscontainer prepare-vm ${vm.uuid} --username asked; echo "code $?"`)
    onTestFinished(() => session.kill())
    const first = await session.until(world, /go on\? \[y\/N\] $/)
    expect(first).toContain(`SHA256:`)
    session.type('y\r')
    await session.until(world, /asked@127\.67\.0\.1 Password: $/)
    session.type('no\r')
    await session.until(world, /refused\. Once more:[^]*Password: $/)
    session.type(`${PASSWORD}\r`)
    const last = await session.until(world, /code 0/)
    expect(first + last).not.toContain('secret')
    expect(Object.keys(world.containers(vm))).toEqual(['web'])
  })

  it('Ctrl-C where the password is asked for: nothing is changed, and the terminal shows again what is typed', async () => {
    const vm = await fresh('leaves')
    const command = `xscontainer prepare-vm ${vm.uuid} -u leaves --yes; echo "code $?"; stty -a | grep -oE -- "-?echo\\b"`
    const session = new TerminalSession(world, command)
    onTestFinished(() => session.kill())
    await session.until(world, /Password: $/)
    session.type('\u0003')
    await session.until(world, /code 130\r\necho\r\n$/)
    expectUntouched(vm)
  })

  it('the plugin, with the password in a secret that is gone afterwards', async () => {
    const vm = await fresh('xo')
    const host = world.pool.hosts[0]!
    const secret = async (value: string) =>
      (await world.call('secret.get_uuid', await world.call('secret.create', { value, other_config: {} }))) as string
    const isThere = (uuid: string) =>
      world.call('secret.get_by_uuid', uuid).then(
        () => true,
        () => false,
      )
    const call = (args: Record<string, string>) => callHost(world, host, 'prepare_vm', { vmuuid: vm.uuid, ...args })

    const wrong = await secret('wrong')
    await expect(call({ username: 'xo', 'password-secret': wrong })).rejects.toThrow(/did not let user xo in/)
    const unused = await secret('unused')
    await expect(call({ vmuuid: '', 'password-secret': unused })).rejects.toThrow(/without its argument vmuuid/)
    const pool = (await world.call('pool.get_other_config', world.pool.objects.pool)) as Record<string, string>
    const poolKey = pool['xscontainer-private-secret-uuid']!
    await expect(call({ username: 'xo', 'password-secret': poolKey })).rejects.toThrow(/holds no password/)
    expect(await Promise.all([wrong, unused, poolKey].map(isThere))).toEqual([false, false, true])

    const good = await secret(PASSWORD)
    const answer = await call({ username: 'xo', 'password-secret': good })
    expect(answer).toMatch(/^True[^]*install the pool's key \.\. done[^]*wait for the container list \.\. done/)
    expect(await isThere(good)).toBe(false)
    expect(Object.keys(world.containers(vm))).toEqual(['web'])
    expect(await call({ undo: 'true' })).toMatch(/^True[^]*remove the pool's key from the guest \.\. done/)
    expect(await keysOf('xo')).not.toContain(BLOB)
  })
})
