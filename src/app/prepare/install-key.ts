import type { GuestShell } from '../../model/shell.ts'
import { readEdit, type EditReport } from '../../provision/authorized-keys-answer.ts'
import { addKeyScript } from '../../provision/authorized-keys.ts'
import type { Contact } from './meet-guest.ts'
import type { PrepareContext } from './prepare-context.ts'

/** Adds the line to the user's authorized_keys, all other lines staying. Rejects with a DiagnosedError. */
export function installKey(
  { steps }: PrepareContext,
  { where }: Contact,
  shell: GuestShell,
  publicLine: string,
  signal: AbortSignal,
): Promise<EditReport> {
  return steps.step("install the pool's key", async (note) => {
    const { command, input } = addKeyScript(publicLine)
    const settle = steps.change(`the pool's key may be in ~${where.username}/.ssh/authorized_keys of the guest`)
    const result = await shell.run(command, input, signal)
    try {
      const report = readEdit(result, where)
      settle(report.added ? `the pool's key is in ${report.path} of the guest` : undefined)
      note(report.added ? `in ${report.path}; all other lines there are as before` : `is in ${report.path} already`)
      for (const text of report.notes) note(text)
      return report
    } catch (error) {
      // It says so itself, and has taken back what it had begun.
      settle(undefined)
      throw error
    }
  })
}
