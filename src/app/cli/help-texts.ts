const VM = `  VM         a uuid, the unique beginning of one, or a unique name-label
`
const CONTAINER = `  CONTAINER  a name, an id, or the unique beginning of one
`
const JSON_LINE = '  --json          one JSON document instead of a table\n'

function lifecycle(what: string): string {
  return `${what}
  The containers are taken in their order; each that is done is named on standard output. A container that is so
  already counts as done. When the command ends, the container list in the VM's other-config shows it. Where the
  pool's other-config key xscontainer-actions is "off" it is refused.

WORDS
${VM}${CONTAINER}
`
}

/** What the help of a command says besides its summary and usage. */
export const VERB_TEXTS: Readonly<Record<string, string>> = {
  status: `COLUMNS
  ENGINE      product and version
  CONTAINERS  how many, running or not
  LISTED      how long ago the monitor last read the list
  RECONNECTS  how often the connection was made again
  WRITES      changes written into XAPI
  STATUS      monitored, connecting or failed since when; a failure with its cause and cure; a certificate that ends
              within 30 days

  The line below the table tells what the monitor of this host has written into XAPI, and the most that it
  may (writes_per_s).

OPTIONS
  --pool          VMs on all hosts of the pool
${JSON_LINE}
`,
  ps: `OPTIONS
  -a, --all       stopped containers too
  --pool          VMs on all hosts of the pool
${JSON_LINE}
`,
  top: `  With a container: its processes now, with the engine's own columns. Without: those of all containers, the busiest
  first, as the monitor last sampled them ([monitor] top_schedule); CPU is in percent of one processor since the
  sample before.

WORDS
${VM}${CONTAINER}
OPTIONS
${JSON_LINE}
`,
  inspect: `  A list with one object per container, as docker inspect prints it.

WORDS
${VM}${CONTAINER}
OPTIONS
  --json          as without: there is no other form

`,
  logs: `  Colours and other control sequences are taken out. The container's standard error goes to standard error while
  following, and is part of the text otherwise.

WORDS
${VM}${CONTAINER}
OPTIONS
  -f, --follow    go on with what it prints, until Ctrl-C; needs the monitor
  -n, --tail N    so many of the last lines, 1 to 1000; 100 by default
  --since TIME    none before: Unix seconds, 2026-01-31T12:00:00Z, or a span until now such as 10m or 1h30m

`,
  stats: `  Of one container, or of all that run. CPU is in percent of one processor over the last second.

WORDS
${VM}${CONTAINER}
OPTIONS
${JSON_LINE}
`,
  start: lifecycle('  Starts containers that do not run.'),
  stop: lifecycle("  Stops containers; how long each may take before it is killed is the container's own StopTimeout."),
  restart: lifecycle("  Stops and starts containers; each container's own StopTimeout counts."),
  pause: lifecycle('  Freezes all processes of containers.'),
  unpause: lifecycle('  Lets the processes of paused containers go on.'),
  exec: `  Everything after CONTAINER belongs to the command, options too. Needs the monitor.

WORDS
${VM}${CONTAINER}
OPTIONS
  -i, --interactive   pass standard input on
  -t, --tty           give the command a terminal; with -i this terminal becomes raw until the command ends.
                      Ctrl-P Ctrl-Q leaves a terminal and lets the command go on
  -u, --user USER     as this user of the container

EXAMPLES
  xscontainer exec web-01 nginx nginx -t
  xscontainer exec -it web-01 redis redis-cli
  xscontainer exec -i db-01 postgres psql -U postgres < dump.sql

`,
  console: `  bash where the container has one, sh otherwise. Ctrl-P Ctrl-Q leaves it and lets it go on. Needs the monitor.

WORDS
${VM}${CONTAINER}
OPTIONS
  -u, --user USER     as this user of the container

`,
  register: `  Sets the VM's other-config key xscontainer-monitor to True. The pool's public key must be in the guest already.

WORDS
${VM}
`,
  deregister: `  Sets the VM's other-config key xscontainer-monitor to False; the monitor lets go of the guest.

WORDS
${VM}
`,
  'prepare-vm': `  Says what it will do, shows the fingerprint of the guest's SSH host key, asks whether to go on, and then does it
  step by step: logs in with a password or a key that the guest knows, adds the pool's public key to the user's
  authorized_keys without touching other lines, logs in anew with that key alone, finds the container engine's socket
  and asks it, sets xscontainer-username, -mode and the host key in the VM's other-config, registers the VM and waits
  until its containers are listed. Each step prints done, or the cause and its cure. It can be run again at any time.
  Also installed as xscontainer-prepare-vm, where VM is the option -v or --vmuuid.

WORDS
${VM}
OPTIONS
  -u, --username USER    the user in the guest; xscontainer-username of the VM by default, else core
  -i, --identity FILE    log in with this private key (no passphrase) instead of a password
  --password-file FILE   log in with the password in the first line of this file; without both it is asked for
  -y, --yes              do not ask whether to go on
  --dry-run              only look, and say what would be done; changes nothing
  --undo                 take it all back: registration, the key's line in the guest, settings and host key
  --print                print one line that installs the key for whoever pastes it into a guest's shell; no VM needed
  --sudo                 when the user may not use the engine's socket: run the command that changes that by sudo in
                         the guest (otherwise it is asked for, and with --yes left out)
  --restrict             install the key for monitoring only (OpenSSH's restrict and a forced command)
  --mode ssh|tls         how the engine is reached; ssh by default
  --client-cert FILE, --client-key FILE, --ca-cert FILE
                         mode tls: our certificate and its key, and the CA's certificate, in PEM form; they are proven
                         with the engine, and kept in XAPI secrets. Without any: those that the VM names already
  --generate-certs       mode tls: make a CA and certificates for two years, and hand the engine's to the guest on a
                         disc in the VM's CD drive, with a script for Docker on Windows (docs/tls.md)
  --sr SR                --generate-certs: the storage repository for that disc; one for ISO files by default

EXAMPLES
  xscontainer prepare-vm web-01 --username ubuntu
  xscontainer prepare-vm web-01 -u core --identity ~/.ssh/id_ed25519 --yes
  xscontainer prepare-vm --print
  xscontainer prepare-vm web-01 --undo

`,
  tls: `  renew  makes a new CA and new certificates for a VM in mode tls, hands the engine's to the guest on a disc in the
         VM's CD drive, waits until the engine answers with them, and takes the disc out again. Until then the old
         ones stay in use. Secrets that no VM names any more are destroyed. status says when certificates end; an XAPI
         message comes 30 days before

WORDS
${VM}
OPTIONS
  --client-cert FILE, --client-key FILE, --ca-cert FILE
                  use these instead, which the engine must accept already
  --sr SR         the storage repository for the disc; one for ISO files by default
  -y, --yes       do not ask whether to go on

`,
  watch: `  Needs the monitor. When standard output is no terminal, a plain table is printed once.

KEYS
  c  by CPU (at first)    m  by memory    n  by name    v  by VM
  r  the other way round  q  quit (Ctrl-C too)

WORDS
${VM}
`,
  'config-drive': `  create   makes a config drive for a VM and puts it in place of one that it has: an image labelled config-2 that
           cloud-init, Ignition and coreos-cloudinit read at the VM's first boot. Placeholders in the template are
           filled in; the pool's public key is one of them. A VM that gets the key is offered for container
           management (xscontainer register)
  show     prints the template on a VM's config drive, or on a VDI, as it was written
  default  prints the template that a new one begins with; the administrator's file (docs/config-drive.md) comes first

WORDS
${VM}  VDI        for show also: the uuid of a VDI

OPTIONS
  --sr SR         the storage repository for the drive: a uuid, the unique beginning of one, or a unique name-label
  --file FILE     the template: #cloud-config, other cloud-init user data, or Ignition's JSON; - reads standard input.
                  The default one when left out

EXAMPLES
  xscontainer config-drive default > web.yaml
  xscontainer config-drive create web-01 --sr "Local storage" --file web.yaml
  xscontainer config-drive show web-01

`,
  template: `  install  makes a template named CoreOS, with sizes for Flatcar Container Linux and Fedora CoreOS, UEFI where all
           hosts offer it. One that the pool has already is left as it is
  remove   takes away the one that install made, and no other. VMs that were made of it stay
  status   tells whether the pool has one; exit status 1 when it has not

  Clients find it by its name; which disk image goes into a VM that is made of it is up to you (docs/template.md).

`,
  key: `  show    prints the public half as one line for ~/.ssh/authorized_keys, and nothing else. A pool that has no
          key yet is given one
  status  tells whether the key is being changed, and which guests are left, with the reasons
  rotate  makes a new key, puts it into every guest that can be reached beside the old one, checks a login with it,
          makes it the pool's, and takes the old line away. Guests that could not be reached are named; the monitor
          lets them in by the old key and finishes each when it comes back. If it was interrupted: run it again

  Lines of authorized_keys keep their options, and other lines are not touched. Private halves are in XAPI secrets and
  go to no guest.

OPTIONS
  --restrict      rotate: the new line allows monitoring and its own renewal and nothing else: no shell, no files, no
                  TCP, no terminal (OpenSSH 7.8 or later in the guest); a line that is restricted stays so
  --forget VM     rotate: wait for this guest no more; it needs prepare-vm when it comes back
  --finish        rotate: wait for none of the guests that are left, and destroy the old key
  --next          show: the key that is being put into guests
${JSON_LINE}
EXAMPLES
  xscontainer key show | ssh admin@guest 'cat >> ~/.ssh/authorized_keys'
  xscontainer key rotate
  xscontainer key rotate --forget old-vm

`,
  log: `  Time, level, what happened, why, and the rest as name=value. Lines of the predecessor's log come as they are. The
  file is [log] file of the configuration; rotated parts of it stay beside it.

OPTIONS
  -n, --tail N    so many of the last lines, 1 to 100000; 100 by default
  --level LEVEL   trace, debug, info, warn, error or fatal: nothing below it; info by default

`,
  purge: `  Removes the keys of xscontainer from the other-config of all VMs, snapshots, templates and of the pool, its
  SSH key and the certificates of VMs from XAPI's secrets, and messages about monitoring. It asks first, and cannot be
  undone. Guests keep the line in authorized_keys: xscontainer prepare-vm VM --undo before takes it away. Config drives
  and the template CoreOS stay: xscontainer template remove.
  On all hosts stop the monitor before, or remove the packages after: a monitor that starts makes a new key.

OPTIONS
  --published     only docker_ps, docker_info, docker_version, docker_top and the status of VMs that run on this host or
                  nowhere, as a monitor does that stops
  -y, --yes       do not ask

`,
  doctor: `  With a VM: whether it is registered and runs, which addresses it reports and which is dialled and why, TCP, SSH
  banner, host key, authentication, the way to the engine and its socket, the engine's version, the container list and
  the guest's clock, each with the time it took. It uses a connection of its own and the monitor's own code, so that
  its words are those of xscontainer-status. Steps after a failed one are skipped. In mode tls: the certificates in the
  VM's secrets, TCP, the engine's certificate, whether the engine accepts ours, and the engine.
  Without: the configuration, XAPI, the pool's key, the monitor, and a line per registered VM.

WORDS
${VM}
OPTIONS
${JSON_LINE}
`,
}
