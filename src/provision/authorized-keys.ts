import { RefusedError } from '../base/errors.ts'
import { EDIT_SCRIPT } from './authorized-keys-script.ts'

/** What to run in a guest, as the user whose keys are meant; the login shell only has to find `sh`. */
export interface GuestScript {
  readonly command: string
  readonly input: string
}

/** One line of authorized_keys, taken apart. */
export interface KeyLine {
  /** Type, base64 and comment, with options before them where there are any. */
  readonly line: string
  /** The base64 of the key's blob: what makes two lines the same key. */
  readonly blob: string
}

/** Adds the line unless its key is there already, and puts wrong permissions right. */
export function addKeyScript(publicLine: string): GuestScript {
  return editScript([], publicLine)
}

/** Removes all lines with the key of this line, whatever their options and comments. */
export function removeKeyScript(publicLine: string): GuestScript {
  return editScript([publicLine], undefined)
}

/** Removes all lines with the key of `oldLine` and adds `newLine`, in one step. Both may be of the same key. */
export function replaceKeyScript(oldLine: string, newLine: string): GuestScript {
  return editScript([oldLine], newLine)
}

/** The same with any number of keys to remove. Throws RefusedError for what is no line of authorized_keys. */
export function editScript(remove: readonly string[], add: string | undefined): GuestScript {
  const gone = remove.map((line) => keyLine(line).blob)
  const added = add === undefined ? undefined : keyLine(add)
  const settings = { xsc_remove: gone.join(' '), xsc_line: added?.line ?? '', xsc_blob: added?.blob ?? '' }
  return shScript(settings, EDIT_SCRIPT)
}

/** A script for sh with these variables set before it. sh reads all of it before it begins, and its input is empty. */
export function shScript(settings: Readonly<Record<string, string>>, script: string): GuestScript {
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${quote(value)}`)
  return { command: 'sh -s', input: ['{', ...lines, script, '} </dev/null', ''].join('\n') }
}

const LINE = /^(?:.*[ \t])?(?:ssh-|ecdsa-|sk-)[a-z0-9@.-]+ +(AAAA[A-Za-z0-9+/]+={0,2})(?: .*)?$/
/** sshd reads no longer lines (SSH_MAX_PUBKEY_BYTES). */
const LONGEST = 16 * 1024

/** Checks a line for authorized_keys. Throws RefusedError when it is none, or has more than printable ASCII. */
export function keyLine(text: string): KeyLine {
  const line = text.trim()
  const blob = /^[\x20-\x7e]+$/.test(line) && line.length <= LONGEST ? LINE.exec(line)?.[1] : undefined
  if (blob !== undefined) return { line, blob }
  throw new RefusedError({
    kind: 'key-line',
    cause: 'The public key to install is not one line of type, base64 and comment in plain ASCII',
    cure: "Check the secret that the pool's other-config key xscontainer-public-secret-uuid names",
  })
}

/** As a word of sh. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
