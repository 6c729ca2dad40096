import { cleanForTerminal } from '../../base/text.ts'
import { ask } from './ask.ts'
import { EXIT, type Verb } from './verb.ts'

/** Puts a VM under the monitor's eyes, or takes it away from there. */
export function register(operation: 'register' | 'deregister'): Verb {
  return async (context, { args }) => {
    const vm = await context.vm(args[0] ?? '', true)
    await ask(context, vm, operation)
    context.io.out(`${operation}ed ${vm.uuid} ${cleanForTerminal(vm.name)}\n`)
    return EXIT.done
  }
}
