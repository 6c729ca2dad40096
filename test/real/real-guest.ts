import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { lstatSync, mkdtempSync, readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { BoxProcess, processesInNamespace, signalQuietly } from './box-process.ts'
import { sweepLeftovers } from './sweep-leftovers.ts'

const run = promisify(execFile)
const boxScript = fileURLToPath(new URL('./guest-box.sh', import.meta.url))

/** The environment of everything in a guest: that of a freshly booted machine, nothing of ours. */
const guestEnv = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  LANG: 'C.UTF-8',
}

/** /bin and /sbin are links to these where a distribution has them still. */
const programFolders = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin']

export interface GuestUser {
  readonly name: string
  /** Groups besides its own; `docker` owns the engine's socket. */
  readonly groups?: readonly string[]
  /** Public key lines for ~/.ssh/authorized_keys. */
  readonly keys?: readonly string[]
}

/**
 * A guest made of namespaces: own network, mounts, processes, users (/etc), homes and /run, on the kernel and the
 * programs of this machine. Engines and sshd are started in it by their own classes. It is gone with everything in it
 * after stop(), and also when the test process dies.
 */
export class RealGuest {
  /** The guest's folder on the host; `run/docker.sock` in it is the guest's /run/docker.sock. Root only. */
  readonly dir: string
  /** Name of the cgroup all engines of this guest put their containers under. */
  readonly cgroup: string
  readonly #box: ChildProcess
  readonly #pid: number
  readonly #covered = new Set<string>()

  /** Host pid of the guest's process 1, by which its namespaces are found. */
  get pid(): number {
    return this.#pid
  }

  private constructor(dir: string, box: ChildProcess, pid: number) {
    this.dir = dir
    this.cgroup = basename(dir)
    this.#box = box
    this.#pid = pid
  }

  static async start(): Promise<RealGuest> {
    await sweepLeftovers()
    const dir = mkdtempSync(join(tmpdir(), `xsc-real-${process.pid}-`))
    const box = spawn('sh', [boxScript, dir], { stdio: ['pipe', 'pipe', 'pipe'], env: guestEnv, detached: true })
    let complaint = ''
    box.stderr.on('data', (chunk: Buffer) => (complaint = (complaint + chunk.toString()).slice(-2000)))
    for await (const line of createInterface({ input: box.stdout })) {
      const pid = /^ready (\d+)$/.exec(line)?.[1]
      if (pid !== undefined) return new RealGuest(dir, box, Number(pid))
    }
    throw new Error(`the box of a guest did not start: ${complaint}`)
  }

  /** Runs a program in the guest and gives its standard output; rejects when it fails, with its standard error. */
  async exec(command: string, ...args: string[]): Promise<string> {
    const { stdout } = await run('nsenter', this.#enter('--net', command, ...args), {
      env: guestEnv,
      maxBuffer: 64 << 20,
      timeout: 60_000,
    })
    return stdout
  }

  /** Starts a service in the guest; its output goes to /var/log/NAME.log there. `net: 'host'`: on this machine's loopback. */
  async spawn(name: string, net: 'guest' | 'host', command: string, ...args: string[]): Promise<BoxProcess> {
    // The service becomes a child of the guest's process 1: it must not hang on a process of ours.
    const daemonize = 'log=$1; shift; setsid "$@" >"$log" 2>&1 </dev/null & echo $!'
    const inNet = net === 'guest' ? ['--net'] : []
    const shell = ['sh', '-c', daemonize, 'sh', `/var/log/${name}.log`, command, ...args]
    const { stdout } = await run('nsenter', this.#enter(...inNet, ...shell), { env: guestEnv })
    const inner = Number(stdout)
    const started = processesInNamespace(this.#pid).find((process) => process.inner === inner)
    if (started === undefined) throw new Error(`${name} ended at once: ${this.log(name)}`)
    return new BoxProcess(name, started.pid, this.path('log', `${name}.log`))
  }

  /** Creates a real unix user with its own home in the guest. The host never hears of it. */
  async addUser({ name, groups = [], keys = [] }: GuestUser): Promise<void> {
    const inGroups = groups.length > 0 ? ['--groups', groups.join(',')] : []
    await this.exec('useradd', '--create-home', '--shell', '/bin/bash', ...inGroups, name)
    if (keys.length > 0) await this.authorize(name, ...keys)
  }

  /** Replaces the user's ~/.ssh/authorized_keys; no key: an empty file. */
  async authorize(user: string, ...keys: string[]): Promise<void> {
    const ssh = this.path('home', user, '.ssh')
    await mkdir(ssh, { recursive: true, mode: 0o700 })
    await writeFile(join(ssh, 'authorized_keys'), keys.map((key) => `${key}\n`).join(''), { mode: 0o600 })
    await this.exec('chown', '-R', `${user}:${user}`, `/home/${user}/.ssh`)
  }

  /** Makes programs look not installed in this guest, wherever on the PATH they are, for example `socat`. */
  async hide(...programs: string[]): Promise<void> {
    const places = programFolders.flatMap((folder) => programs.map((program) => join(folder, program)))
    const installed = places.filter((path) => lstatSync(path, { throwIfNoEntry: false }) !== undefined)
    for (const path of installed) await this.#cover(dirname(path))
    await this.exec('rm', '-f', ...installed)
  }

  /** Lays a layer over a folder of the machine that takes the guest's changes. Once for each: layers do not pile up. */
  async #cover(folder: string): Promise<void> {
    if (this.#covered.has(folder)) return
    const cover = this.path('hidden', String(this.#covered.size))
    this.#covered.add(folder)
    await mkdir(join(cover, 'upper'), { recursive: true })
    await mkdir(join(cover, 'work'))
    const layers = `lowerdir=${folder},upperdir=${cover}/upper,workdir=${cover}/work`
    await this.exec('mount', '-t', 'overlay', 'overlay', '-o', layers, folder)
  }

  /** A path in the guest's own folder, the same for the host and in the guest. */
  path(...parts: string[]): string {
    return join(this.dir, ...parts)
  }

  /** How the host reaches a path of the guest, for example `inside('/etc/ssh')`. */
  inside(path: string): string {
    // A symbolic link with a full path, as /var/run is, would lead back to the host.
    return `/proc/${this.#pid}/root${path.replace(/^\/var\/run\//, '/run/')}`
  }

  /** Host pids of everything that runs in the guest. */
  pids(): number[] {
    // The box's own process 1 and its helper are no part of the guest: stopped, they could not end it.
    const own = this.#box.pid
    return processesInNamespace(this.#pid).flatMap(({ pid, group }) => (group === own ? [] : [pid]))
  }

  /** All of the guest stands still, as when its host is paused: connections stay open and nothing answers. */
  freeze(): void {
    for (const pid of this.pids()) signalQuietly(pid, 'SIGSTOP')
  }

  thaw(): void {
    for (const pid of this.pids()) signalQuietly(pid, 'SIGCONT')
  }

  /** Ends the guest and everything in it at once, and resolves when its folder is gone. Safe to call again. */
  async stop(): Promise<void> {
    if (this.#box.exitCode !== null || this.#box.signalCode !== null) return
    const gone = once(this.#box, 'exit')
    this.#box.stdin?.end()
    await gone
  }

  /** The tail of a service's log, for error messages. */
  log(name: string): string {
    return readFileSync(this.path('log', `${name}.log`), 'utf8').slice(-3000)
  }

  #enter(...args: string[]): string[] {
    return ['--target', String(this.#pid), '--mount', '--uts', '--ipc', '--pid', '--wd=/', ...args]
  }
}
