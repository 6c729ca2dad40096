import { fromOldWords } from '../app/cli/old-words.ts'
import { runProcess } from './run-process.ts'

// As xscontainer prepare-vm, with the options that it had before there was that command.
void runProcess(fromOldWords(process.argv.slice(2)), process).then((code) => process.exit(code))
