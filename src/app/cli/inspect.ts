import { diagnosisOf } from '../../base/errors.ts'
import { ask } from './ask.ts'
import { parsed } from './json-reply.ts'
import { jsonText } from './table.ts'
import { EXIT, type Verb } from './verb.ts'

/** All that the engine tells of a container: JSON, in a list as docker's. */
export const inspect: Verb = async (context, { args }) => {
  const [word = '', ...objects] = args
  const vm = await context.vm(word)
  const documents: unknown[] = []
  let code: number = EXIT.done
  for (const object of objects) {
    try {
      documents.push(parsed(await ask(context, vm, 'get_inspect', { object, format: 'json' })))
    } catch (error) {
      context.signal.throwIfAborted()
      const { cause, cure } = diagnosisOf(error)
      context.note(`inspect ${object}: ${cause}. ${cure}`)
      code = EXIT.failed
    }
  }
  context.io.out(jsonText(documents))
  return code
}
