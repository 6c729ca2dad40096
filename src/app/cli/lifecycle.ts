import { diagnosisOf } from '../../base/errors.ts'
import { cleanForTerminal } from '../../base/text.ts'
import { ask } from './ask.ts'
import { EXIT, type Verb } from './verb.ts'

/** Does one thing to each of the containers named, one after the other, and prints the names of those done, as docker. */
export function lifecycle(operation: 'start' | 'stop' | 'restart' | 'pause' | 'unpause'): Verb {
  return async (context, { args }) => {
    const [word = '', ...containers] = args
    const vm = await context.vm(word)
    let code: number = EXIT.done
    for (const container of containers) {
      try {
        await ask(context, vm, operation, { container })
        context.io.out(`${cleanForTerminal(container)}\n`)
      } catch (error) {
        context.signal.throwIfAborted()
        const { cause, cure } = diagnosisOf(error)
        context.note(`${operation} ${container}: ${cause}. ${cure}`)
        code = EXIT.failed
      }
    }
    return code
  }
}
