import { TEMPLATE_NAME } from '../template/coreos-record.ts'
import { findTemplates, installTemplate, removeTemplates, type CoreOsTemplate } from '../template/pool-template.ts'
import type { CliContext } from './context.ts'
import { EXIT, type Verb } from './verb.ts'

/** Makes the pool's template for container VMs, takes it away, or tells whether there is one. */
export const template: Verb = async (context, { args: [action = ''] }) => {
  if (action === 'install') return install(context)
  if (action === 'remove') return remove(context)
  if (action === 'status') return status(context)
  throw new Error(`template takes install, remove or status, not ${JSON.stringify(action)}`)
}

async function install(context: CliContext): Promise<number> {
  const { template: one, made } = await installTemplate(await context.session(), context.signal)
  context.io.out(made ? `installed ${described(one)}\n` : `there is one already, left as it is: ${described(one)}\n`)
  return EXIT.done
}

async function remove(context: CliContext): Promise<number> {
  const session = await context.session()
  const removed = await removeTemplates(session, context.signal)
  for (const one of removed) context.io.out(`removed ${described(one)}\n`)
  for (const one of await findTemplates(session, context.signal)) {
    context.io.out(`left as it is, since xscontainer has not made it: ${described(one)}\n`)
  }
  if (removed.length === 0) context.io.out('there was none to remove\n')
  return EXIT.done
}

/** Exit code 1 when there is none: for scripts. */
async function status(context: CliContext): Promise<number> {
  const found = await findTemplates(await context.session(), context.signal)
  for (const one of found) context.io.out(`${described(one)}\n`)
  if (found.length > 0) return EXIT.done
  context.io.out(`the pool has no template "${TEMPLATE_NAME}"; make one: xscontainer template install\n`)
  return EXIT.failed
}

function described({ uuid, isOurs, uefi }: CoreOsTemplate): string {
  return `${uuid} ${TEMPLATE_NAME} (${uefi ? 'UEFI' : 'BIOS'}, ${isOurs ? 'made by xscontainer' : 'not made by xscontainer'})`
}
