import { X509Certificate } from 'node:crypto'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { makePki, type Pki } from '../transports/tls/pki.ts'
import { cliOn, type RunCli } from './run-cli.ts'
import { TLS_PORT, WindowsGuest } from './windows-guest.ts'
import { World } from './world.ts'

vi.setConfig({ testTimeout: 120_000 })

const SETTINGS = { guest: { tls_port: TLS_PORT, allow_loopback: true, connect_timeout_s: 3, keepalive_s: 5 } }
const TLS_NAMES = ['xscontainer-tls-client-cert', 'xscontainer-tls-client-key', 'xscontainer-tls-ca-cert']

type StartGuest = (more?: Parameters<typeof WindowsGuest.start>[1]) => Promise<WindowsGuest>

describe.concurrent('preparing a VM for TLS', () => {
  /** A world with a daemon and the command, for one test. */
  const during = (work: (world: World, cli: RunCli, windows: StartGuest) => Promise<void>) =>
    World.during({ settings: SETTINGS }, async (world) => {
      const guests: WindowsGuest[] = []
      await world.startDaemon()
      try {
        await work(world, cliOn(world), async (more) => {
          const guest = await WindowsGuest.start(world, more)
          guests.push(guest)
          return guest
        })
      } finally {
        for (const guest of guests) await guest.quiet()
      }
    })
  const secrets = (world: World) => [...world.pool.db.table('secret').rows.values()].map((row) => row.text('value'))
  const named = (world: World, guest: WindowsGuest) => TLS_NAMES.map((name) => world.config(guest)[name])
  const ours = (world: World, guest: WindowsGuest) =>
    Object.keys(world.config(guest)).filter((key) => /^(?:xscontainer|docker)/.test(key))
  const vdis = (world: World) => world.pool.db.table('VDI').rows.size

  function files(world: World, { ca, client }: Pick<Pki, 'ca' | 'client'>): string[] {
    const file = (name: string, pem: string) => {
      const path = join(world.dir, name)
      writeFileSync(path, pem)
      return path
    }
    const cert = ['--client-cert', file('cert.pem', client.certificate), '--client-key', file('key.pem', client.key)]
    return [...cert, '--ca-cert', file('ca.pem', ca.certificate)]
  }

  test('with certificates that are made: on a disc into the guest, which is then monitored; renewed; taken back', () =>
    during(async (world, cli, windows) => {
      const guest = await windows()
      const before = { vdis: vdis(world), secrets: secrets(world).length }
      const script = guest.runScript()
      const done = await cli(['prepare-vm', guest.uuid, '--mode', 'tls', '--generate-certs', '--yes'])
      expect(done.out + done.err).toContain('wait until the engine answers with them .. done')
      expect(done.code).toBe(0)
      const disc = await script
      expect([...disc.keys()].sort()).toEqual(
        ['README.txt', 'ca.pem', 'daemon.json', 'install.ps1', 'server-cert.pem', 'server-key.pem'].sort(),
      )
      expect(JSON.parse(disc.get('daemon.json')!)).toMatchObject({
        tlsverify: true,
        hosts: [`tcp://0.0.0.0:${TLS_PORT}`, 'npipe://'],
      })
      expect(world.config(guest)).toMatchObject({ 'xscontainer-mode': 'tls', 'xscontainer-monitor': 'True' })
      await world.untilMonitored(guest)
      expect(world.config(guest)['docker_version']).toContain('<Os>windows</Os>')

      // An engine of Windows: other columns, no pause.
      expect((await cli(['top', guest.uuid, 'web'])).out).toMatch(/Private Working Set/)
      const paused = await cli(['pause', guest.uuid, 'web'])
      expect([paused.code, paused.err]).toEqual([1, expect.stringContaining('Windows containers have no pause')])
      const walked = await cli(['doctor', guest.uuid])
      expect(walked.out).toMatch(/ok +engine accepts our certificate +\S+ ms +yes; all hold until \d{4}-\d\d-\d\d/)
      expect([walked.code, walked.out]).toEqual([0, expect.stringContaining('All is well.')])

      // What monitoring does not need is nowhere: no disc, no server key, no CA key.
      expect([vdis(world), guest.inserted]).toEqual([before.vdis, []])
      const kept = secrets(world).slice(before.secrets)
      expect(kept).toHaveLength(3)
      expect(kept.filter((text) => text.includes('PRIVATE KEY'))).toHaveLength(1)
      expect(kept.join()).not.toContain(disc.get('server-key.pem')!.replace(/\r/g, ''))
      const server = new X509Certificate(disc.get('server-cert.pem')!)
      expect(server.subjectAltName).toContain(`IP Address:${guest.address}`)

      const first = named(world, guest)
      const again = guest.runScript()
      void again.then(() => undefined)
      const renewed = await cli(['tls', 'renew', guest.uuid, '--yes'])
      expect(renewed.out + renewed.err).toContain('The certificates are renewed.')
      await again
      expect(named(world, guest)).not.toEqual(first)
      expect(secrets(world)).toHaveLength(before.secrets + 3)
      await world.untilMonitored(guest)

      const undone = await cli(['prepare-vm', guest.uuid, '--undo', '--yes'])
      expect(undone.out + undone.err).toContain('All was taken back.')
      expect(named(world, guest)).toEqual([undefined, undefined, undefined])
      expect(world.config(guest)['xscontainer-mode']).toBeUndefined()
      expect(secrets(world)).toHaveLength(before.secrets)
      await world.untilClean(guest)
    }))

  test('with given certificates; secrets that another VM names too stay', () =>
    during(async (world, cli, windows) => {
      const guest = await windows()
      const pki = await makePki(guest.address)
      await guest.serve({ ca: pki.ca.certificate, cert: pki.server.certificate, key: pki.server.key })
      const count = secrets(world).length
      const words = ['prepare-vm', guest.uuid, '--mode', 'tls', ...files(world, pki), '--yes']
      const tried = await cli([...words, '--dry-run'])
      expect(tried.out).toContain('Nothing was changed.')
      expect([secrets(world).length, named(world, guest)[0]]).toEqual([count, undefined])

      const done = await cli(words)
      expect([done.out + done.err, done.code]).toEqual([expect.stringContaining('docker_ps is there'), 0])
      expect(secrets(world).slice(count)).toEqual([pki.client.certificate, pki.client.key, pki.ca.certificate])
      // A clone names the same secrets.
      const clone = world.pool.createVm({
        name: 'clone',
        host: world.pool.hosts[0]!,
        powerState: 'Halted',
        otherConfig: { 'xscontainer-tls-ca-cert': named(world, guest)[2]! },
      })
      await cli(['prepare-vm', guest.uuid, '--undo', '--yes'])
      expect(secrets(world).slice(count)).toEqual([pki.ca.certificate])
      expect(world.config(clone)['xscontainer-tls-ca-cert']).toBeDefined()
    }))

  test('what does not fit is refused before anything is changed', () =>
    during(async (world, cli, windows) => {
      const guest = await windows()
      const [pki, other] = await Promise.all([makePki(guest.address), makePki(guest.address)])
      await guest.serve({ ca: pki.ca.certificate, cert: pki.server.certificate, key: pki.server.key })
      const count = secrets(world).length
      const wrong: [Pick<Pki, 'ca' | 'client'>, string][] = [
        [{ ca: other.ca, client: pki.client }, "was not signed by the CA in the VM's secrets"],
        [{ ca: pki.ca, client: other.client }, 'client certificate'],
        [
          { ca: pki.ca, client: { ...pki.client, key: other.client.key } },
          'does not belong to the client certificate in',
        ],
        [{ ca: pki.ca, client: { certificate: pki.client.key, key: pki.client.certificate } }, 'are swapped'],
      ]
      for (const [parts, cause] of wrong) {
        const { code, err } = await cli(['prepare-vm', guest.uuid, '--mode', 'tls', ...files(world, parts), '--yes'])
        expect([code, err]).toEqual([1, expect.stringContaining(cause)])
      }
      const missing = await cli([
        'prepare-vm',
        guest.uuid,
        '--mode',
        'tls',
        '--client-cert',
        join(world.dir, 'cert.pem'),
      ])
      expect([missing.code, missing.err]).toEqual([2, expect.stringContaining('--client-key is missing')])
      const none = await cli(['prepare-vm', guest.uuid, '--mode', 'tls', '--yes'])
      expect([none.code, none.err]).toEqual([2, expect.stringContaining('--generate-certs')])
      expect([secrets(world).length, ours(world, guest)]).toEqual([count, []])
    }))

  test('a VM without a CD drive; one whose drive is full gets its disc back', () =>
    during(async (world, cli, windows) => {
      const bare = await windows({ name: 'bare', cdDrive: false })
      const refused = await cli(['prepare-vm', bare.uuid, '--mode', 'tls', '--generate-certs', '--yes'])
      expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('"bare" has no CD drive')])

      const guest = await windows({ name: 'full' })
      const sr = world.pool.objects.sr
      const vdi = String(
        await world.call('VDI.create', {
          ...{ name_label: 'windows.iso', name_description: '', SR: sr, virtual_size: '2097152', type: 'user' },
          ...{ sharable: false, read_only: false, other_config: {}, sm_config: {}, xenstore_data: {}, tags: [] },
        }),
      )
      await world.call('VBD.insert', guest.drive, vdi)
      const count = vdis(world)
      void guest.runScript()
      const done = await cli(['prepare-vm', guest.uuid, '--mode', 'tls', '--generate-certs', '--yes'])
      expect([done.code, done.out + done.err]).toEqual([0, expect.stringContaining('the drive holds "windows.iso"')])
      expect([guest.inserted, vdis(world)]).toEqual([[vdi], count])
    }))

  test('Ctrl-C while it waits for the guest: the disc is gone, and nothing is changed', () =>
    during(async (world, _, windows) => {
      const guest = await windows()
      const before = [vdis(world), secrets(world).length]
      const words = ['prepare-vm', guest.uuid, '--mode', 'tls', '--generate-certs', '--yes']
      const env = { ...process.env, XSCONTAINER_CONFIG: world.configFile() }
      const command = spawn('dist/bin/xscontainer', words, { env, stdio: 'ignore' })
      await world.until('the disc is in the drive', () => guest.inserted.length > 0, 60)
      command.kill('SIGINT')
      const [code] = (await once(command, 'exit')) as [number]
      expect(code).toBe(130)
      expect([vdis(world), secrets(world).length, guest.inserted]).toEqual([...before, []])
      expect(ours(world, guest)).toEqual([])
    }))
})
