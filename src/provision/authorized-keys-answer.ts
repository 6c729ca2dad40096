import { RefusedError, type Diagnosis } from '../base/errors.ts'
import { cleanForTerminal, cutText } from '../base/text.ts'
import type { ShellResult } from '../model/shell.ts'

/** What a script of authorized-keys.ts did in the guest. */
export interface EditReport {
  /** The file, where links lead to it. */
  readonly path: string
  /** The line was written; false: none was to be added, or its key was there already. */
  readonly added: boolean
  /** Lines of a key that was to go were there, and are gone. */
  readonly removed: boolean
  /** What an administrator wants to know besides, one sentence each. */
  readonly notes: readonly string[]
}

/** Whose file it is, for texts. */
export interface Whose {
  readonly username: string
  readonly address: string
}

/** Reads the answer of the script. Throws RefusedError when it did not do what it was to do; the file is then as before. */
export function readEdit(result: ShellResult, whose: Whose): EditReport {
  const lines = markedLines(result.stdout)
  const all = (kind: string) => lines.filter((line) => line.kind === kind)
  const [failed] = all('fail')
  if (failed !== undefined) throw refused(failed.what, failed.text, all('said')[0]?.words ?? '', whose)
  if (all('end').length === 0) throw noShell(result, whose)
  const did = all('did')
  return {
    path: did[0]?.text ?? '',
    added: did.some(({ what }) => what === 'added'),
    removed: did.some(({ what }) => what === 'removed'),
    notes: all('note').flatMap(({ what, text }) => NOTES[what]?.(text) ?? []),
  }
}

interface MarkedLine {
  readonly kind: string
  readonly what: string
  readonly text: string
  /** All that stands after the kind. */
  readonly words: string
}

/** The lines that the script has written, safe to show. */
export function markedLines(stdout: string): MarkedLine[] {
  return stdout.split('\n').flatMap((line) => {
    const [, kind, words = ''] = /^xsc:([a-z-]+):(.*)$/.exec(line.replace(/\r$/, '')) ?? []
    if (kind === undefined) return []
    const [, what = '', text = ''] = /^([a-z-]+):(.*)$/.exec(words) ?? []
    return [{ kind, what, text: shown(text), words: shown(words) }]
  })
}

const NOTES: Readonly<Record<string, (path: string) => string>> = {
  created: (path) => `${path} was made`,
  link: (path) => `the file is a link: the key goes to ${path}`,
  newline: (path) => `the last line of ${path} had no end, and got one first`,
  closed: (path) => `group or others could write to ${path}, so that sshd would ignore the key: they no longer can`,
  open: (path) => `group or others can write to ${path}, and this user may not change that: sshd may ignore the key`,
  labelled: (path) => `the SELinux label of ${path} was wrong, and was put right`,
  label: (path) =>
    `the SELinux label of ${path} is wrong, and this user may not change it: as root, restorecon -R -v ${path}`,
}

/** Where scripts cannot run: `said` is what came instead. */
export function noShell({ exitCode, stdout, stderr }: ShellResult, { username, address }: Whose): RefusedError {
  const said = shown(`${stderr} ${stdout}`.trim(), 120)
  return new RefusedError({
    kind: 'no-shell',
    cause:
      `The login of user ${username} at the guest ${address} works, but it runs no commands` +
      ` (sh -s ended with ${exitCode ?? 'a signal'}${said === '' ? '' : `; it says: ${said}`})`,
    cure: `Give the user a shell for the moment (usermod -s /bin/sh ${username}, no ForceCommand), or paste the line of xscontainer prepare-vm --print into a shell of the guest`,
  })
}

function refused(what: string, path: string, words: string, { username, address }: Whose): RefusedError {
  const said = words === '' ? '' : ` (${words})`
  const diagnosis = (cause: string, cure: string): Diagnosis => ({
    kind: `keys-${what}`,
    cause: `${cause} in the guest at ${address}${said}`,
    cure,
  })
  const chown = `As root in the guest: chown ${username}: ${path}`
  switch (what) {
    case 'no-home':
      return new RefusedError(
        diagnosis(
          `User ${username} has no home directory${path === '' ? '' : `: ${path} is not there`}`,
          `As root in the guest: mkhomedir_helper ${username}, or choose another user (--username)`,
        ),
      )
    case 'link':
      return new RefusedError(
        diagnosis(`${path} is a link that leads nowhere`, 'Mend or remove the link in the guest, then try again'),
      )
    case 'not-a-file':
      return new RefusedError(diagnosis(`${path} is not a file`, 'Move it away in the guest, then try again'))
    case 'read':
      return new RefusedError(diagnosis(`User ${username} cannot read ${path}`, chown))
    default:
      return new RefusedError(
        diagnosis(
          `User ${username} cannot write ${path}`,
          `Make the home directory writable for the user and see that its disk is not full or read-only (df, mount, ls -ld ${path}); the keys there are as before`,
        ),
      )
  }
}

function shown(text: string, most = 200): string {
  return cutText(cleanForTerminal(text), most)
}
