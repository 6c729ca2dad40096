import { VERB_TEXTS } from './help-texts.ts'
import type { VerbSpec } from './verb.ts'

const CONFIG = '/etc/xscontainer/xscontainer.toml'

const EXIT_STATUS = `EXIT STATUS
  0    done
  1    failed: the monitor, XAPI, the guest or its engine did not do it; of several containers one was enough.
       doctor: a step failed
  2    wrong words or configuration, no such VM, or a VM that fits several (they are listed)
  130  ended by Ctrl-C
  exec and console end with the exit code of the command in the container (126: it cannot be run, 127: it is not
  there, as the engine tells it), or with one of the above when it did not come to that
`

/** The whole help. */
export function mainHelp(verbs: Readonly<Record<string, VerbSpec>>): string {
  const list = Object.values(verbs).map(({ synopsis, summary }) => `  ${synopsis}\n        ${summary}\n`)
  return `xscontainer - containers inside the VMs of this host and its pool

USAGE
  xscontainer COMMAND [OPTIONS] ..
  xscontainer COMMAND --help

COMMANDS
${list.join('')}
WORDS
  VM         a uuid, the unique beginning of one, or a unique name-label; one on another host of the pool too
  CONTAINER  a name, an id, or the unique beginning of one

OPTIONS
  --json          one JSON document instead of a table
  --pool          ask all hosts of the pool, through XAPI and the plugin on each of them
  --config FILE   read this file instead of ${CONFIG}
  --version       print the version
  --help          print this text, or after a command what that one does

HOW IT WORKS
  Everything is asked of xscontainer-monitor on this host, which holds a connection to each guest. When it does not
  run, ps and status show what was published last, exec, console, watch and logs --follow say that they need it, and
  all others reach the guest by a connection of their own. A VM on another host is asked for through XAPI.
  What guests choose (names, labels, logs, errors) is freed of control sequences before it is printed; the output of
  exec and console is passed on as it is. Only root of the host may use the command; anybody may read its help.

ENVIRONMENT
  XSCONTAINER_CONFIG   as --config; the option wins

FILES
  ${CONFIG}       settings; a missing file means defaults
  /run/xscontainer/control.sock           where the monitor is asked
  /var/log/xscontainer.log                what the monitor did

${EXIT_STATUS}`
}

/** The help of one command. */
export function verbHelp(name: string, { synopsis, summary }: VerbSpec): string {
  const body = VERB_TEXTS[name] ?? ''
  return `xscontainer ${name} - ${summary}

USAGE
  xscontainer ${synopsis}

${body}${EXIT_STATUS}`
}
