import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { describeReal } from './describe-real.ts'
import { RealDockerd } from './real-dockerd.ts'
import { RealGuest } from './real-guest.ts'
import { RealPodman } from './real-podman.ts'
import { RealSshd } from './real-sshd.ts'
import { getOverSsh, sshExec, sshLogin } from './ssh-probe.ts'
import { testKey } from './test-key.ts'

const key = testKey('ed25519')

describeReal('a guest with real sshd and dockerd', ['sshd', 'dockerd'], () => {
  let guest: RealGuest
  let dockerd: RealDockerd
  let sshd: RealSshd

  beforeAll(async () => {
    guest = await RealGuest.start()
    dockerd = await RealDockerd.start(guest)
    sshd = await RealSshd.start(guest, { addresses: 3 })
    await guest.addUser({ name: 'core', groups: ['docker'], keys: [key.publicKey] })
    await guest.addUser({ name: 'nobodys', keys: [key.publicKey] })
  })
  afterAll(() => guest?.stop())
  afterEach(() => dockerd.containers.rmAll())

  const login = (username: string, host = sshd.address) =>
    sshLogin({ host, port: sshd.port, username, privateKey: key.privateKey })

  it('logs a user in with its key, at each address', async () => {
    for (const address of sshd.addresses) {
      const client = await login('core', address)
      expect(await sshExec(client, 'id -un; id -Gn; hostname')).toEqual({
        code: 0,
        output: 'core\ncore docker\nguest\n',
      })
      client.end()
    }
  })

  it('refuses a key it does not know', async () => {
    const stranger = testKey('ed25519')
    const refused = sshLogin({ host: sshd.address, port: sshd.port, username: 'core', privateKey: stranger.privateKey })
    await expect(refused).rejects.toThrow('authentication methods failed')
  })

  it('takes an RSA key in PEM form', async () => {
    const rsa = testKey('rsa')
    await guest.addUser({ name: 'rsauser', keys: [rsa.publicKey] })
    const client = await sshLogin({
      ...{ host: sshd.address, port: sshd.port },
      username: 'rsauser',
      privateKey: rsa.privateKey,
    })
    client.end()
  })

  it('reaches the engine at its usual socket through SSH', async () => {
    const id = await dockerd.containers.run({ name: 'web' })
    const client = await login('core')
    expect(await getOverSsh(client, '/var/run/docker.sock', '/containers/json')).toMatchObject([{ Id: id }])
    expect(await sshExec(client, 'docker ps -q --no-trunc')).toEqual({ code: 0, output: `${id}\n` })
    client.end()
  })

  it('keeps the socket from a user outside of the group docker', async () => {
    const client = await login('nobodys')
    await expect(getOverSsh(client, '/var/run/docker.sock', '/version')).rejects.toThrow()
    expect((await sshExec(client, 'docker ps')).output).toContain('permission denied')
    client.end()
  })

  it('forbids stream-local channels when told so, and has no programs that were hidden', async () => {
    const strict = await RealGuest.start()
    try {
      const closed = await RealSshd.start(strict, { config: ['AllowStreamLocalForwarding no'] })
      await strict.addUser({ name: 'core', keys: [key.publicKey] })
      await strict.hide('ssh-keyscan')
      const client = await sshLogin({
        host: closed.address,
        port: closed.port,
        username: 'core',
        privateKey: key.privateKey,
      })
      await expect(getOverSsh(client, '/run/any.sock', '/')).rejects.toThrow('open failed')
      expect((await sshExec(client, 'command -v ssh-keyscan')).code).not.toBe(0)
      client.end()
    } finally {
      await strict.stop()
    }
  })

  it('publishes ports', async () => {
    await dockerd.containers.run({ name: 'web', ports: ['127.0.0.1:8080:80', '9000:9000/udp'] })
    const listed = await dockerd.containers.find('web')
    expect(listed?.Ports).toContainEqual({ IP: '127.0.0.1', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' })
    expect(listed?.Ports).toContainEqual({ IP: '0.0.0.0', PrivatePort: 9000, PublicPort: 9000, Type: 'udp' })
  })

  it('serves at a published port in the guest', async () => {
    const serve = 'mkdir /www; echo hello >/www/index.html; exec httpd -f -p 80 -h /www'
    await dockerd.containers.run({ name: 'web', ports: ['8081:80'], cmd: ['sh', '-c', serve] })
    const fetch = 'for i in 1 2 3 4 5 6 7 8 9; do busybox wget -qO- http://127.0.0.1:8081/ && break; sleep 0.3; done'
    expect(await guest.exec('sh', '-c', fetch)).toBe('hello\n')
  })

  it('pauses, unpauses, renames, stops, kills and keeps exit codes', async () => {
    const { containers } = dockerd
    await containers.run({ name: 'one' })
    await containers.pause('one')
    await containers.until('one', 'paused', ({ State, Status }) => State === 'paused' && Status.endsWith('(Paused)'))
    await containers.unpause('one')
    await containers.rename('one', 'uno')
    await containers.until('uno', 'running', ({ State }) => State === 'running')
    await containers.stop('uno')
    await containers.until('uno', 'stopped', ({ Status }) => Status.startsWith('Exited (0)'))
    await containers.start('uno')
    await containers.kill('uno')
    await containers.until('uno', 'killed', ({ Status }) => Status.startsWith('Exited (137)'))
    const failing = await containers.run({ name: 'bad', cmd: ['sh', '-c', 'exit 3'] })
    expect(await containers.exitCode(failing)).toBe(3)
    expect(await dockerd.cli('ps', '-a', '--format', '{{.Names}}')).toBe('bad\nuno\n')
  })

  it('runs health checks', async () => {
    await dockerd.containers.run({ name: 'sick', health: 'test ! -e /sick' })
    await dockerd.containers.untilHealth('sick', 'healthy')
    await dockerd.cli('exec', 'sick', 'touch', '/sick')
    await dockerd.containers.untilHealth('sick', 'unhealthy')
  })

  it('lists compose labels', async () => {
    const labels = { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'web' }
    await dockerd.containers.run({ name: 'shop-web-1', labels })
    expect((await dockerd.containers.find('shop-web-1'))?.Labels).toMatchObject(labels)
  })

  it('restarts the engine on the same data', async () => {
    const id = await dockerd.containers.run({ name: 'kept' })
    await dockerd.stop()
    await expect(dockerd.containers.list()).rejects.toThrow(/ECONNREFUSED|ENOENT/)
    await dockerd.startAgain()
    expect((await dockerd.containers.find('kept'))?.Id).toBe(id)
  })

  it('stands still and goes on', async () => {
    dockerd.freeze()
    const late = dockerd.containers.list()
    const first = await Promise.race([
      late.then(() => 'answered'),
      guest.exec('sleep', '0.3').then(() => 'nothing yet'),
    ])
    dockerd.thaw()
    expect(first).toBe('nothing yet')
    expect(await late).toEqual([])
  })

  it('breaks connections, and changes host keys over a restart', async () => {
    const client = await login('core')
    expect(sshd.connections()).toBe(1)
    const closed = new Promise<void>((resolve) => client.on('error', () => undefined).on('close', resolve))
    sshd.dropConnections()
    await closed
    const before = await sshd.hostKey('ed25519')
    await sshd.stop()
    await expect(login('core')).rejects.toThrow('ECONNREFUSED')
    await sshd.changeHostKeys()
    await sshd.startAgain()
    expect(await sshd.hostKey('ed25519')).not.toBe(before)
    ;(await login('core')).end()
  })
})

describeReal('a guest with real sshd and podman', ['sshd', 'podman'], () => {
  let guest: RealGuest
  let podman: RealPodman
  let sshd: RealSshd

  beforeAll(async () => {
    guest = await RealGuest.start()
    podman = await RealPodman.start(guest)
    sshd = await RealSshd.start(guest)
    await guest.addUser({ name: 'core', groups: ['docker'], keys: [key.publicKey] })
  })
  afterAll(() => guest?.stop())
  afterEach(() => podman.containers.rmAll())

  it('publishes ports, pauses and keeps exit codes', async () => {
    const { containers } = podman
    await containers.run({ name: 'web', ports: ['8080:80', '9000:9000/udp'], labels: { tier: 'front' } })
    const listed = await containers.find('web')
    expect(listed).toMatchObject({ State: 'running', Labels: { tier: 'front' } })
    expect(listed?.Ports).toContainEqual({ PrivatePort: 80, PublicPort: 8080, Type: 'tcp' })
    await containers.pause('web')
    await containers.until('web', 'paused', ({ State }) => State === 'paused')
    await containers.unpause('web')
    await containers.stop('web')
    await containers.until('web', 'stopped', ({ Status }) => Status.startsWith('Exited (0)'))
    await containers.run({ name: 'bad', network: 'none', cmd: ['sh', '-c', 'exit 3'] })
    await containers.until('bad', 'failed', ({ Status }) => Status.startsWith('Exited (3)'))
    expect(await podman.cli('ps', '-a', '--format', '{{.Names}}')).toBe('web\nbad\n')
  })

  it('is reached through SSH by whom the admin allows', async () => {
    const client = await sshLogin({ host: sshd.address, port: sshd.port, username: 'core', privateKey: key.privateKey })
    await expect(getOverSsh(client, '/run/podman/podman.sock', '/version')).rejects.toThrow()
    await podman.giveSocketTo('root:docker')
    const version = await getOverSsh(client, '/run/podman/podman.sock', '/version')
    expect(JSON.stringify(version)).toContain('Podman Engine')
    client.end()
  })

  it('can have its socket where a user without root has it', async () => {
    const other = await RealGuest.start()
    try {
      await other.addUser({ name: 'core', keys: [key.publicKey] })
      const socket = `/run/user/${(await other.exec('id', '-u', 'core')).trim()}/podman/podman.sock`
      const rootless = await RealPodman.start(other, { socket })
      await rootless.giveSocketTo('core:core')
      const at = await RealSshd.start(other)
      const client = await sshLogin({ host: at.address, port: at.port, username: 'core', privateKey: key.privateKey })
      expect(await getOverSsh(client, socket, '/containers/json')).toEqual([])
      client.end()
    } finally {
      await other.stop()
    }
  })
})
