import { forSh, SET_PATH, TELL_SOCKET, TELL_TOOLS, TELL_USER } from './diagnose.ts'
import { EDIT_KEYS, KEY_MARK } from './key-scripts.ts'
import { isPlainPath } from './socket-path.ts'

/** Where engines listen that are not one user's own. */
const USUAL = ['/var/run/docker.sock', '/run/docker.sock', '/run/podman/podman.sock', '/var/run/podman/podman.sock']

/**
 * The line of authorized_keys for a public key. `restrict`: with OpenSSH's option of that name and a forced command, so
 * that the key is good for monitoring and for its own renewal and for nothing else; needs OpenSSH 7.8 or later in the
 * guest. `sockets`: engine sockets besides the usual ones that sshd is to forward to; others are reached by the helpers.
 *
 * What is given back after `restrict` is port-forwarding, without which sshd opens no direct-streamlocal channel
 * (serverloop.c asks permit_port_forwarding_flag). Once permitopen names a host, channels.c compares that with the path
 * of a unix socket as well, and the port must be `*`: what is named here are paths, which no TCP destination is. Nobody
 * can listen at none.invalid (RFC 2606), nor, thereby, at a unix socket.
 */
export function keyLineFor(publicLine: string, restrict: boolean, sockets: readonly string[] = []): string {
  const line = publicLine.trim()
  if (!restrict) return line
  const paths = [...new Set([...USUAL, ...sockets.filter(isPlainPath)])]
  const options = [
    'restrict,port-forwarding',
    ...paths.map((path) => `permitopen="[${path}]:*"`),
    'permitlisten="none.invalid:1"',
    `command="${FORCED_COMMAND.replaceAll('"', '\\"')}"`,
  ]
  return `${options.join(',')} ${line}`
}

/** The sockets of rootless engines of the user with this id. */
export function rootlessSockets(uid: string): string[] {
  return /^\d{1,10}$/.test(uid) ? ['docker.sock', 'podman/podman.sock'].map((name) => `/run/user/${uid}/${name}`) : []
}

const REFUSE = 'no() { echo "xscontainer: this key is for monitoring only" >&2; exit 1; }'
const PLAIN = 'plain() { case $1 in /*) [ -z "$(printf %s "$1" | tr -d "A-Za-z0-9._/@+-")" ];; *) false;; esac; }'

/** The words after the mark say what is to be done; the line that is added is always a copy of one like this. */
const RENEW =
  `*${KEY_MARK}*) k=\${o#*${KEY_MARK}}; k=\${k%%;*}; [ -z "$(printf %s "$k" | tr -d "A-Za-z0-9+/= ")" ] || no; ` +
  'set -- $k; case "$1 $2 $3" in "check AAAA"????????????????*|"remove AAAA"????????????????*|"add AAAA"????????????????*" AAAA"????????????????*) ;; *) no;; esac; ' +
  `set -- "$1" "$2" "$3" ""; m="^ *restrict.*${KEY_MARK}.*"; ${EDIT_KEYS};;`

/** Only plain paths are taken from the question; `"$r/..` stands for those of a rootless engine. */
const DIAGNOSE =
  `*xsc:end:*) ${TELL_USER}; x=\${o#*for s in }; x=\${x%%; do*}; ` +
  'case $x in *"$"r/docker.sock*) x="$x $r/docker.sock $r/podman/podman.sock /run/user/$u/docker.sock /run/user/$u/podman/podman.sock";; esac; ' +
  `for s in $x; do if plain "$s"; then ${TELL_SOCKET}; fi; done; ${TELL_TOOLS};;`

const BRIDGE =
  '*"; exec "*) c=${o##*; exec }; set -- ${c%?}; case "$1 $2 $3" in ' +
  '"docker -H unix:///"*) p=${3#unix://}; plain "$p" || no; exec docker -H "unix://$p" system dial-stdio;; ' +
  '"socat - UNIX-CONNECT:/"*) p=${3#*:}; plain "$p" || no; exec socat - "UNIX-CONNECT:$p";; ' +
  '"nc -N -U") plain "$4" || no; exec nc -N -U "$4";; ' +
  '"ncat -U /"*) plain "$3" || no; exec ncat -U "$3";; ' +
  '"nc -U /"*) plain "$3" || no; exec nc -U "$3";; *) no;; esac;;'

/**
 * Nothing of what a client asks for is run as it came: it only chooses among these, and what it may name are plain
 * paths and keys. The commands of diagnose.ts, rungs.ts and key-scripts.ts are told by the texts they have had since
 * this line may have been installed: they must keep them.
 */
const FORCED_COMMAND = forSh(
  `o=$SSH_ORIGINAL_COMMAND; set -f; ${SET_PATH}; ${REFUSE}; ${PLAIN}; case $o in ${RENEW} ${DIAGNOSE} ${BRIDGE} *) no;; esac`,
)
