import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { RealGuest } from './real-guest.ts'

/** The modules whose work a config drive's template asks for. The others would change disks that are this machine's. */
const CONFIG = `
datasource_list: [ConfigDrive]
network: { config: disabled }
ssh_deletekeys: false
ssh_genkeytypes: [ed25519]
cloud_init_modules: [write-files, set_hostname, users-groups, ssh]
cloud_config_modules: [runcmd]
cloud_final_modules: [scripts-user]
`
/** What cloud-init and what it runs write to, besides what is a guest's own anyway. */
const FOLDERS = ['/var/lib', '/var/cache', '/opt', '/root', '/usr/local', '/media']
/** A first boot again, whatever was before. */
const CLEAN = 'rm -rf /var/lib/cloud /home/*; : >/run/calls'
const SEED = '/var/lib/cloud/seed/config_drive'

/**
 * A guest at its first boot, with Debian's cloud-init and a config drive: all stages are run on its own layers of the
 * machine's files. Programs that would change the machine, or need systemd, only note that they were called.
 */
export class CloudInitGuest {
  readonly guest: RealGuest

  private constructor(guest: RealGuest) {
    this.guest = guest
  }

  static async start(): Promise<CloudInitGuest> {
    const booted = new CloudInitGuest(await RealGuest.start())
    try {
      await booted.#prepare()
      return booted
    } catch (error) {
      await booted.guest.stop()
      throw error
    }
  }

  /** Boots with this image for a config drive. Rejects with cloud-init's own output when a stage fails. */
  async boot(image: Buffer): Promise<void> {
    const path = this.guest.path('config-drive.iso')
    await writeFile(path, image)
    await this.guest.exec(
      'sh',
      '-ec',
      `umount -q /media/configdrive ${SEED} || :; ${CLEAN}; mkdir -p ${SEED} /media/configdrive`,
    )
    // As the guest's kernel would; where this one cannot, another reader of ISO images than ours.
    await this.guest.exec('sh', '-ec', `mount -o loop,ro ${path} ${SEED} 2>/dev/null || bsdtar -xf ${path} -C ${SEED}`)
    await this.guest.exec('sh', '-ec', `mount --bind ${SEED} /media/configdrive`)
    for (const stage of [['init', '--local'], ['init'], ['modules', '--mode=config'], ['modules', '--mode=final']]) {
      await this.guest.exec(
        'sh',
        '-c',
        'cloud-init "$@" || { tail -n 50 /var/log/cloud-init.log >&2; exit 1; }',
        'sh',
        ...stage,
      )
    }
  }

  /** A file of the guest. */
  read(path: string): Promise<string> {
    return readFile(this.guest.inside(path), 'utf8')
  }

  /** What of the programs that only take notes was called, one call a line. */
  async calls(): Promise<string[]> {
    return (await this.read('/run/calls')).trim().split('\n')
  }

  stop(): Promise<void> {
    return this.guest.stop()
  }

  async #prepare(): Promise<void> {
    for (const [index, folder] of FOLDERS.entries()) {
      const cover = this.guest.path('covers', String(index))
      await mkdir(`${cover}/upper`, { recursive: true })
      await mkdir(`${cover}/work`)
      const layers = `lowerdir=${folder},upperdir=${cover}/upper,workdir=${cover}/work`
      await this.guest.exec('mount', '-t', 'overlay', 'overlay', '-o', layers, folder)
    }
    await writeFile(this.guest.inside('/etc/cloud/cloud.cfg.d/99-test.cfg'), CONFIG)
    const note = '#!/bin/sh\necho "$(basename "$0") $*" >>/run/calls\n'
    for (const program of ['systemctl', 'networkctl', 'apt-get']) {
      await writeFile(this.guest.inside(`/usr/local/sbin/${program}`), note, { mode: 0o755 })
    }
    await this.guest.exec('sh', '-ec', 'rm -f /etc/cloud/cloud-init.disabled')
  }
}
