import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { RealGuest } from './real-guest.ts'

const run = promisify(execFile)

/**
 * A wire between this machine and the network namespace of a guest, which can be cut and made bad. Its addresses are
 * of the range for such tests (RFC 2544); it is gone with its guest.
 */
export class GuestNetwork {
  /** The guest's own, which the host reaches. */
  readonly address: string
  readonly #guest: RealGuest
  readonly #device: string

  private constructor(guest: RealGuest, address: string, device: string) {
    this.#guest = guest
    this.address = address
    this.#device = device
  }

  /** `number`: 0 to 250, another one for each guest of this process. */
  static async connect(guest: RealGuest, number: number): Promise<GuestNetwork> {
    const net = `198.${18 + (process.pid & 1)}.${(process.pid >> 1) & 255}`
    const [here, there] = [`${net}.${4 * (number % 63) + 1}`, `${net}.${4 * (number % 63) + 2}`]
    // A device's name has at most 15 characters.
    const device = `xs${process.pid.toString(36)}n${number}`
    await run('ip', ['link', 'add', device, 'type', 'veth', 'peer', 'name', 'eth9', 'netns', String(guest.pid)])
    await run('ip', ['addr', 'add', `${here}/30`, 'dev', device])
    await run('ip', ['link', 'set', device, 'up'])
    await guest.exec('ip', 'addr', 'add', `${there}/30`, 'dev', 'eth9')
    await guest.exec('ip', 'link', 'set', 'eth9', 'up')
    return new GuestNetwork(guest, there, device)
  }

  /** Nothing gets through, and nobody is told. */
  async cut(): Promise<void> {
    await this.#filter('-I', ['-j', 'DROP'])
  }

  async mend(): Promise<void> {
    await this.#filter('-D', ['-j', 'DROP'])
  }

  /** One packet of five is lost on its way into the guest. */
  async lose(): Promise<void> {
    await this.#filter('-I', ONE_OF_FIVE)
  }

  async loseNoMore(): Promise<void> {
    await this.#filter('-D', ONE_OF_FIVE)
  }

  /** What goes into the guest has 32 kbit/s, and waits. */
  async slow(): Promise<void> {
    const limits = ['rate', '32kbit', 'burst', '4kb', 'latency', '2s']
    await run('tc', ['qdisc', 'replace', 'dev', this.#device, 'root', 'tbf', ...limits])
  }

  async fast(): Promise<void> {
    await run('tc', ['qdisc', 'del', 'dev', this.#device, 'root'])
  }

  async #filter(what: '-I' | '-D', rule: readonly string[]): Promise<void> {
    await this.#guest.exec('iptables', '-w', what, 'INPUT', '-i', 'eth9', ...rule)
  }
}

const ONE_OF_FIVE = ['-m', 'statistic', '--mode', 'random', '--probability', '0.2', '-j', 'DROP']
