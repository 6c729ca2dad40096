import { argument } from './arguments.ts'
import { openExec } from './exec.ts'
import type { StreamOperation } from './operation.ts'

/** Every image that has a shell has this one; people like the other better. */
const SHELL = ['/bin/sh', '-c', 'if command -v bash >/dev/null 2>&1; then exec bash; else exec /bin/sh; fi']

/** A shell in a container, with a terminal. `user`, `columns`, `rows`: as of exec. */
export const console: StreamOperation = {
  name: 'console',
  args: ['vmuuid', 'container'],

  async open(context, args, signal) {
    return openExec(context, args, { command: SHELL, tty: true, stdin: true, user: argument(args, 'user') }, signal)
  },
}
