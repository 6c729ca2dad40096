import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** Looks at all processes of this machine again and again: what stands in their command lines and environments. */
export class ProcessWatcher {
  /** Command lines of our programs' processes, each once. */
  readonly commandLines = new Set<string>()
  readonly environments = new Set<string>()
  /** The largest core dump that a process of these programs might leave, by its name. */
  readonly coreLimits = new Map<string, string>()
  readonly #ours: RegExp
  #going = true
  readonly #ended: Promise<void>

  /** `ours`: what is in the command lines that count. */
  constructor(ours: RegExp) {
    this.#ours = ours
    this.#ended = this.#watch()
  }

  async stop(): Promise<void> {
    this.#going = false
    await this.#ended
  }

  async #watch(): Promise<void> {
    while (this.#going) {
      for (const pid of readdirSync('/proc')) if (/^\d+$/.test(pid)) this.#look(pid)
      await sleep(15)
    }
  }

  #look(pid: string): void {
    const commandLine = read(`/proc/${pid}/cmdline`)
    const program = this.#ours.exec(commandLine)?.[0]
    if (program === undefined) return
    this.commandLines.add(commandLine)
    this.environments.add(read(`/proc/${pid}/environ`))
    // Before it has become Node it is a shell that has not said so yet.
    const limit = /^Max core file size +(\S+)/m.exec(read(`/proc/${pid}/limits`))?.[1]
    if (limit !== undefined && commandLine.startsWith('node\0')) this.coreLimits.set(program, limit)
  }
}

/** Empty for a process that has ended meanwhile. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
