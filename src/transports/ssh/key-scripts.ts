import { forSh, SET_PATH } from './diagnose.ts'

/**
 * What a key command came to. `foreign`: the key is there, but on a line that a restricted key may not touch. `failed`:
 * the file is as it was; standard error says why.
 */
export type KeyOutcome = 'done' | 'absent' | 'foreign' | 'failed'

/** Tells these commands to the forced command of a restricted key, and that command's lines from all others. */
export const KEY_MARK = 'xsc:key:'
/** The data of a key in authorized_keys: base64 that begins with the length of a short type word. */
const BLOB = /^AAAA[A-Za-z0-9+/]{16,6000}={0,2}$/

/**
 * Finds the file in which a line that matches `$m` has key `$2`, edits a copy beside it, and puts that in its place at
 * once: whoever logs in meanwhile sees the old file or the new one. Links are followed, owner and mode stay. `$1` says
 * what is done. check: nothing. add: the same line once more with key `$3` in place of `$2`, or (`$4` is given) the line
 * on standard input. remove: the line goes. Prints a marked word. Without single quote, backslash and exclamation mark.
 */
export const EDIT_KEYS =
  'LC_ALL=C; export LC_ALL; umask 077; w=absent; ' +
  'has() { grep -q -e "$1 $2 " -e "$1 $2$" "$3" 2>/dev/null; }; lines() { grep -c "" "$1"; }; ' +
  'swap() { mv -f "$t" "$f" && w=done; command -v restorecon >/dev/null 2>&1 && restorecon "$f" 2>/dev/null; }; ' +
  'for n in authorized_keys authorized_keys2; do f=$HOME/.ssh/$n; f=$(readlink -f "$f" || echo "$f"); ' +
  'has "^ *[^ #].*" "$2" "$f" || continue; has "$m" "$2" "$f" || { w=foreign; continue; }; ' +
  't=$f.xsc$$; w=failed; case $1 in check) w=done;; ' +
  'add) if has "$m" "$3" "$f"; then w=done; else cp -p "$f" "$t" && { cat "$f"; [ -z "$(tail -c 1 "$f")" ] || echo; ' +
  'if [ "$4" = given ]; then cat; else grep -e "$m $2 " -e "$m $2$" "$f" | head -n 1 | sed "s|$2|$3|"; fi; } >"$t" && ' +
  'has "$m" "$3" "$t" && [ "$(lines "$t")" -eq "$(($(lines "$f") + 1))" ] && swap; fi;; ' +
  'remove) cp -p "$f" "$t" && sed -e "s|$m $2 .*|xsc:gone|" -e "s|$m $2$|xsc:gone|" -e "/^xsc:gone$/d" "$f" >"$t" && ' +
  '[ "$(lines "$t")" -eq "$(($(lines "$f") - $(grep -c -e "$m $2 " -e "$m $2$" "$f")))" ] && swap;; ' +
  'esac; rm -f "$t"; break; done; echo "xsc:key:$w"'

/** Adds key `next` beside `present`: the same line with the other key, or the line on standard input when `given`. */
export function addKeyCommand(present: string, next: string, given: boolean): string {
  return keyCommand('add', [present, next], given)
}

/** Removes the line of `key` and no other. */
export function removeKeyCommand(key: string): string {
  return keyCommand('remove', [key])
}

/** Looks whether there is a line of `key` that this login may edit. */
export function checkKeyCommand(key: string): string {
  return keyCommand('check', [key])
}

/** Prints the user's id behind a mark. */
export const UID_COMMAND = forSh('echo "xsc:uid:$(id -u)"')

/** The id in what that printed; empty when there is none. */
export function uidIn(stdout: string): string {
  return /^xsc:uid:(\d+)\r?$/m.exec(stdout)?.[1] ?? ''
}

/** The last marked word in what a key command printed; login scripts may print other things before it. */
export function keyOutcome(stdout: string): KeyOutcome {
  const word = stdout
    .match(/^xsc:key:(?:done|absent|foreign|failed)(?=\r?$)/gm)
    ?.at(-1)
    ?.slice(KEY_MARK.length)
  return (word as KeyOutcome | undefined) ?? 'failed'
}

/** What a key command is to do stands at its beginning, where a forced command reads it. */
function keyCommand(action: string, keys: readonly string[], given = false): string {
  if (!keys.every((key) => BLOB.test(key))) throw new Error('not the data of a public key')
  const words = [action, ...keys, ...(given ? ['given'] : [])].join(' ')
  return forSh(`: ${KEY_MARK}${words}; ${SET_PATH}; m="^ *[^ #].*"; set -- ${words}; ${EDIT_KEYS}`)
}
