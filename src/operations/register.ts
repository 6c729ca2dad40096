import { RefusedError } from '../base/errors.ts'
import { KEY } from '../model/fields.ts'
import { vmName } from './engine-of.ts'
import type { Operation } from './operation.ts'

/** Has the VM monitored from now on; fine where it is so already. */
export const register: Operation = {
  name: 'register',
  args: ['vmuuid'],

  async run(context, _args, signal) {
    const { vm } = context
    const kind = [vm.isControlDomain && 'control domain', vm.isSnapshot && 'snapshot', vm.isTemplate && 'template']
    const other = kind.find((word) => word !== false)
    if (other !== undefined) {
      throw new RefusedError({
        kind: 'not-a-vm',
        cause: `${vmName(vm)} is a ${other}, in which no containers can be managed`,
        cure: 'Choose a virtual machine',
      })
    }
    if (vm.otherConfig[KEY.monitor] !== 'True') await context.setKeys({ [KEY.monitor]: 'True' }, signal)
    return ''
  },
}
