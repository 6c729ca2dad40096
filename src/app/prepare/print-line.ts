import { keyLine } from '../../provision/authorized-keys.ts'
import { forSh } from '../../transports/ssh/diagnose.ts'

/**
 * One line for any shell of a guest (sh, bash, fish, csh) that lets the pool's key in for the user who pastes it. The
 * public key only; a second time it changes nothing.
 */
export function printLine(publicLine: string): string {
  const { line, blob } = keyLine(publicLine)
  return forSh(
    'umask 077; d=$HOME/.ssh; f=$d/authorized_keys; mkdir -p "$d" && touch "$f" && ' +
      `{ grep -q "^[^#]*${blob}" "$f" || { { test -z "$(tail -c 1 "$f")" || echo >>"$f"; } && echo "${line}" >>"$f"; }; } && ` +
      'chmod go-w "$HOME" "$d" "$f" && { command -v restorecon >/dev/null 2>&1 && restorecon -R "$d"; echo "xscontainer: the key is in $f"; }',
  )
}
