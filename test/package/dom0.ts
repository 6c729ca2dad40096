import { spawn, type ChildProcess } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { run } from './packages.ts'

/** What any dom0 has, of what our packages use. No node, and no file of the packages. */
const PROGRAMS = ['bash', 'cat', 'chmod', 'kill', 'ls', 'mkdir', 'rm', 'sleep', 'stty', 'timeout', 'true']

/** Notes its arguments; answers as the files beside its notes say. */
const SYSTEMCTL = `#!/bin/sh
echo "$*" >>/systemctl.log
case "$1 $2" in
'is-active xapi.service') [ -e /xapi-runs ] ;;
*) true ;;
esac
`

/** A root folder like dom0's: a shell and what it needs, a systemd and an xe that note what they are asked, rpm's database. */
export class Dom0 {
  readonly root = mkdtempSync(join(tmpdir(), 'xsc-dom0-'))

  constructor({ systemd = true, xapi = true } = {}) {
    for (const folder of [
      'proc',
      'dev',
      'tmp',
      'run',
      'var/log',
      'var/update/applied',
      'etc/xensource/installed-repos',
    ]) {
      mkdirSync(join(this.root, folder), { recursive: true })
    }
    for (const folder of [
      'etc/xensource/bugtool',
      'etc/xapi.d/plugins',
      'etc/logrotate.d',
      'etc/bash_completion.d',
      'opt',
    ]) {
      mkdirSync(join(this.root, folder), { recursive: true })
    }
    for (const folder of [
      'usr/lib/systemd/system',
      'usr/lib/systemd/system-preset',
      'usr/share/doc',
      'root',
      'var/tmp',
    ]) {
      mkdirSync(join(this.root, folder), { recursive: true })
    }
    this.put('dev/null', '')
    for (const program of PROGRAMS) this.addProgram(run('which', [program]).trim())
    cpSync(join(this.root, 'usr/bin/bash'), join(this.root, 'bin/sh'))
    this.put('etc/passwd', 'root:x:0:0:root:/root:/bin/bash\n')
    this.put('etc/xensource-inventory', "INSTALLATION_UUID='11111111-2222-3333-4444-555555555555'\n")
    this.put('usr/bin/systemctl', SYSTEMCTL, 0o755)
    this.put('usr/bin/xe', '#!/bin/sh\necho "$*" >>/xe.log\n', 0o755)
    if (systemd) mkdirSync(join(this.root, 'run/systemd/system'), { recursive: true })
    if (xapi) this.put('xapi-runs', '')
  }

  /** A program with its libraries, in /usr/bin and in /bin. */
  addProgram(path: string): void {
    const libraries = run('ldd', [path]).match(/\/[^ ]+/g) ?? []
    for (const target of [`usr/bin/${basename(path)}`, `bin/${basename(path)}`]) {
      mkdirSync(dirname(join(this.root, target)), { recursive: true })
      cpSync(path, join(this.root, target), { dereference: true })
    }
    for (const library of libraries) {
      mkdirSync(dirname(join(this.root, library)), { recursive: true })
      cpSync(library, join(this.root, library), { dereference: true })
    }
  }

  put(path: string, text: string, mode = 0o644): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true })
    writeFileSync(join(this.root, path), text, { mode })
  }

  read(path: string): string {
    return existsSync(join(this.root, path)) ? readFileSync(join(this.root, path), 'utf8') : ''
  }

  has(path: string): boolean {
    return existsSync(join(this.root, path))
  }

  /** rpm on this root; what scriptlets and rpm said, but for Debian's advice to use alien. */
  rpm(...args: readonly string[]): string {
    const script = 'exec rpm --root "$0" "$@" 2>&1'
    const said = run('sh', ['-c', script, this.root, '--nosignature', ...args])
    return said.replace(/^rpm: (RPM should not|However).*\n/gm, '')
  }

  /** Installs or upgrades. What a dom0 has besides is taken for granted. */
  install(...files: readonly string[]): string {
    return this.rpm('-U', '--nodeps', ...files)
  }

  /** A command line as it runs inside, with /proc, /dev and these folders of the outside at their places. */
  command(words: readonly string[], folders: readonly string[] = []): string[] {
    const mounts = folders.map((folder) => `mkdir -p "$R${folder}"; mount --bind ${folder} "$R${folder}"`)
    const script = [`R=${this.root}`, 'mount --bind /dev $R/dev', 'mount -t proc proc $R/proc', ...mounts].join('; ')
    return ['unshare', '--mount', '--', 'sh', '-c', `${script}; exec chroot $R "$@"`, 'sh', ...words]
  }

  /** Runs a command inside, as XAPI runs plugins: with nothing in its environment but PATH. */
  run(words: readonly string[], env: Readonly<Record<string, string>> = {}): string {
    const clean = [
      'env',
      '-i',
      'PATH=/sbin:/usr/sbin:/bin:/usr/bin',
      ...Object.entries(env).map((pair) => pair.join('=')),
    ]
    const [program = '', ...args] = this.command(words, [])
    return run(clean[0]!, [...clean.slice(1), program, ...args])
  }

  start(words: readonly string[], folders: readonly string[]): ChildProcess {
    const [program = '', ...args] = this.command(words, folders)
    return spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  }

  /** Everything there is, but for rpm's database and what the tests' own stand-ins note. */
  files(): string[] {
    const all = readdirSync(this.root, { recursive: true, encoding: 'utf8' })
    return all.filter((file) => !/^(var\/lib(\/|$)|systemctl\.log|xe\.log|usr\/lib\/sysimage|root\/)/.test(file)).sort()
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true })
  }
}
