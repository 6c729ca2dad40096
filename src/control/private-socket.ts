import { statSync, type Stats } from 'node:fs'

/**
 * Why others than this process's user may have connected to its socket at `path`, as the end of a sentence; undefined:
 * nobody else can have. Node does not tell who is at the other end of a connection, but the system lets only those
 * connect who may write to the socket (unix(7)): it is ours with mode 0600, and must still be when somebody connects.
 */
export function whyNotPrivate(path: string): string | undefined {
  const found = look(path)
  // Taken away as the monitor stops: nobody can have connected since.
  if (found === undefined) return undefined
  if (found.uid !== process.geteuid?.()) return `belongs to the user with number ${found.uid}`
  return (found.mode & 0o077) === 0 ? undefined : 'may be written by others than its owner'
}

/** Why what listens at `path` may be somebody else's than root's or this process's user's; undefined also for no socket. */
export function whyForeign(path: string): string | undefined {
  const found = look(path)
  if (found === undefined || found.uid === 0 || found.uid === process.geteuid?.()) return undefined
  return `belongs to the user with number ${found.uid}`
}

function look(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false })
}
