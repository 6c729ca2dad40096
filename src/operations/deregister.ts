import { KEY, LIVE_KEYS } from '../model/fields.ts'
import type { Operation } from './operation.ts'

/** Ends the monitoring and takes away what it has published; fine where that is so already. */
export const deregister: Operation = {
  name: 'deregister',
  args: ['vmuuid'],

  async run(context, _args, signal) {
    // First, and for itself: whoever monitors the VM stops on it. What is written until then goes with the rest.
    if (context.vm.otherConfig[KEY.monitor] !== 'False') await context.setKeys({ [KEY.monitor]: 'False' }, signal)
    const published = [...LIVE_KEYS, KEY.status, KEY.updated].map((key) => [key, undefined] as const)
    await context.setKeys(Object.fromEntries(published), signal)
    return ''
  },
}
