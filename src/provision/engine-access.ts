import type { ShellResult } from '../model/shell.ts'
import { markedLines } from './authorized-keys-answer.ts'
import { shScript, type GuestScript } from './authorized-keys.ts'

/** Finds the socket that is closed to the user, by which command it would open, and whether sudo would run that. */
const ACCESS_SCRIPT = String.raw`
PATH=$PATH:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
u=$(id -un)
g=
for s in $xsc_sockets; do
  if [ -S "$s" ] && [ ! -w "$s" ]; then
    echo "xsc:socket:$s"
    set -- $(ls -dlL "$s" 2>/dev/null)
    case $1 in s???rw*) g=$4 ;; esac
    break
  fi
done
case $u$g in *[!A-Za-z0-9_.-]*|-*) g= ;; esac
if [ -n "$g" ] && [ "$g" != root ]; then
  if command -v usermod >/dev/null 2>&1; then echo "xsc:command:usermod -aG $g $u"
  elif command -v addgroup >/dev/null 2>&1; then echo "xsc:command:addgroup $u $g"; fi
fi
if command -v sudo >/dev/null 2>&1; then
  if sudo -n true >/dev/null 2>&1; then echo xsc:sudo:free; else echo xsc:sudo:password; fi
else
  echo xsc:sudo:none
fi
echo xsc:end:
`

export interface EngineAccess {
  /** The one that the user may not use. */
  readonly socketPath: string | undefined
  /** What root has to run so that the user may use the socket; undefined: no group would help. */
  readonly command: string | undefined
  readonly sudo: 'free' | 'password' | 'none'
}

const USUAL = '/var/run/docker.sock /run/docker.sock /run/podman/podman.sock'

/** `socketPath`: the administrator's choice; undefined: one of the usual places. */
export function engineAccessScript(socketPath: string | undefined): GuestScript {
  return shScript({ xsc_sockets: socketPath ?? USUAL }, ACCESS_SCRIPT)
}

const COMMAND = /^(?:usermod -aG|addgroup) [A-Za-z0-9_.][\w.-]{0,63} [A-Za-z0-9_.][\w.-]{0,63}$/

/** What the guest says is run as root there: nothing but the commands that are meant is taken. */
export function readEngineAccess({ stdout }: ShellResult): EngineAccess {
  const lines = markedLines(stdout)
  const command = lines.find(({ kind }) => kind === 'command')?.words
  const sudo = lines.find(({ kind }) => kind === 'sudo')?.words
  return {
    socketPath: lines.find(({ kind }) => kind === 'socket')?.words,
    command: command !== undefined && COMMAND.test(command) ? command : undefined,
    sudo: sudo === 'free' || sudo === 'password' ? sudo : 'none',
  }
}

/** Runs the command as root; the password goes by standard input, never among the words of a command. */
export function sudoCommand(command: string, password: string | undefined): GuestScript {
  if (password === undefined) return { command: `sudo -n ${command}`, input: '' }
  return { command: `sudo -S -p "" ${command}`, input: `${password}\n` }
}
