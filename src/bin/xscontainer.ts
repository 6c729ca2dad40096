import { runProcess } from './run-process.ts'

// Not every library lets go of its handles: the exit code is known, so this process ends with it.
void runProcess(process.argv.slice(2), process).then((code) => process.exit(code))
