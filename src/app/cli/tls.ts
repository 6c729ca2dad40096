import { renewTls } from '../prepare/tls.ts'
import { contextFor, reportStays } from './prepare-vm.ts'
import { readTlsWish } from './tls-wish.ts'
import { EXIT, type Verb } from './verb.ts'

/** Gives a VM in mode tls other certificates: new ones unless some are given. */
export const tls: Verb = async (context, line) => {
  const [action, word] = line.args
  if (action !== 'renew') throw new Error(`there is no tls ${JSON.stringify(action)}, but renew`)
  if (word === undefined) throw new Error('something is missing: which VM')
  const wish = await readTlsWish(context, line, 'generate')
  const prepared = await contextFor(context, await context.vm(word, true), line)
  try {
    await renewTls(prepared, wish, context.signal)
  } catch (error) {
    return reportStays(context, prepared, error)
  }
  context.io.out('The certificates are renewed.\n')
  return EXIT.done
}
