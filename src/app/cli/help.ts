import { DEFAULT_CONFIG_PATH } from '../config.ts'

export const HELP = `xscontainer - containers inside the VMs of this host

USAGE
  xscontainer status [--pool] [--json]
  xscontainer ps [VM] [-a] [--pool] [--json]

COMMANDS
  status   one line per VM that is offered for container management: whether it is monitored and since when,
           or why not and what to do about it
  ps       the running containers of all monitored VMs of this host, or of one VM

  VM is a uuid, the unique beginning of one, or a unique name-label.

OPTIONS
  -a, --all       ps: stopped containers too
  --pool          VMs on all hosts of the pool, not on this host only
  --json          one JSON document instead of a table
  --config FILE   read this file instead of ${DEFAULT_CONFIG_PATH}
  --version       print the version
  --help          print this text

  Both commands show what the monitors of the pool have published in XAPI; they need XAPI, but not the daemon.

ENVIRONMENT
  XSCONTAINER_CONFIG   as --config; the option wins

EXIT STATUS
  0  done
  1  failed: XAPI does not answer, for example
  2  wrong words or configuration, no such VM, or a VM that fits several (they are listed)
`
