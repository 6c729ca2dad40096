import { DiagnosedError } from '../../base/errors.ts'
import { cleanForTerminal } from '../../base/text.ts'
import { cleanLines } from '../../operations/log-text.ts'
import type { Args } from '../../operations/operation.ts'
import type { Disk } from '../../model/disks.ts'
import { XapiDisks } from '../../xapi/disks.ts'
import { readStorage, type Storage } from '../../xapi/storage.ts'
import { isConfigDrive } from '../config-drive/marks.ts'
import { hostFor, noSuchDisk, noSuchStorage } from '../config-drive/storage-place.ts'
import { findDrives } from '../config-drive/tidy.ts'
import { templateOnHost } from '../config-drive/template-on-host.ts'
import { findThisHost } from '../this-host.ts'
import { askHere } from './ask.ts'
import { textOption, type CommandLine } from './command-line.ts'
import type { CliContext } from './context.ts'
import { noDrive, tooLargeFor } from './config-drive-errors.ts'
import { readTemplateFile } from './read-template-file.ts'
import { storageNamed } from './storage-word.ts'
import { EXIT, type Verb } from './verb.ts'

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
/** Linux passes a plugin no argument of more than 128 KiB, in which XML needs room too. */
const MOST_FOR_PLUGIN = 100 * 1024
/** What the monitor reads of one request is 256 KiB, with every line end and quote as two characters. */
const MOST_FOR_MONITOR = 120 * 1024

/** Makes a VM's config drive, shows what is on one, or the template that a new one begins with. */
export const configDrive: Verb = async (context, line) => {
  const [action = '', word] = line.args
  if (action === 'default' && word === undefined) return showDefault(context)
  if (action === 'create' && word !== undefined) return create(context, word, line)
  if (action === 'show' && word !== undefined) return show(context, word)
  if (action === 'create' || action === 'show') throw new Error(`config-drive ${action} takes a VM`)
  throw new Error(`config-drive takes create VM, show VM or default, not ${JSON.stringify(line.args.join(' '))}`)
}

async function create(context: CliContext, word: string, line: CommandLine): Promise<number> {
  const sr = textOption(line, 'sr')
  if (sr === undefined) throw new Error('config-drive create needs --sr, the storage repository for the drive')
  const { config_drive } = await context.config()
  const file = textOption(line, 'file')
  const [vm, storage, configuration] = await Promise.all([
    context.vm(word, true),
    context.session().then((session) => storageNamed(session, sr, context.signal)),
    file === undefined ? templateOnHost(config_drive.template) : readTemplateFile(file, context.io.terminal),
  ])
  const args = { vmuuid: vm.uuid, sruuid: storage.uuid, configuration }
  const vdi = await askAt(context, storage, 'create_config_drive', args).catch((error: unknown) => {
    if (context.signal.aborted) context.note(interrupted(error))
    throw error
  })
  context.io.out(`created ${vdi} for ${vm.uuid} ${cleanForTerminal(vm.name)}\n`)
  return EXIT.done
}

async function show(context: CliContext, word: string): Promise<number> {
  const disk = await diskNamed(context, word)
  const storage = await readStorage(await context.session(), disk.sr, context.signal)
  if (storage === undefined) throw noSuchStorage(disk.sr)
  const text = await askAt(context, storage, 'get_config_drive_configuration', { vdiuuid: disk.uuid })
  print(context, text)
  return EXIT.done
}

async function showDefault(context: CliContext): Promise<number> {
  const { config_drive } = await context.config()
  print(context, await templateOnHost(config_drive.template))
  return EXIT.done
}

/** Byte for byte where a file or a program reads it. */
function print({ io }: CliContext, text: string): void {
  const shown = io.terminal.outputIsTerminal ? cleanLines(text) : text
  io.out(io.terminal.outputIsTerminal && !shown.endsWith('\n') ? `${shown}\n` : shown)
}

/** Has a host do it that has the storage attached: this one, if it does. */
async function askAt(context: CliContext, storage: Storage, operation: string, args: Args): Promise<string> {
  const session = await context.session()
  const { xapi } = await context.config()
  const here = await findThisHost(session, xapi.inventory, context.signal)
  const host = hostFor(storage, here)
  const size = Buffer.byteLength(args['configuration'] ?? '')
  if (host !== here) {
    if (size > MOST_FOR_PLUGIN) throw tooLargeFor(storage.name, size)
    const { askPlugin } = await import('./plugin-call.ts')
    // XML knows line feeds only; this is how clients write the others.
    const sent = {
      ...args,
      ...(args['configuration'] && { configuration: args['configuration'].replaceAll('\r\n', '%BR%') }),
    }
    return askPlugin(context, host, operation, sent)
  }
  if (size <= MOST_FOR_MONITOR) return askHere(context, operation, args)
  const { askAlone } = await import('./alone.ts')
  return askAlone(context, operation, args)
}

/** The VM's config drive, or the VDI of this uuid. */
async function diskNamed(context: CliContext, word: string): Promise<Disk> {
  const [session, { xapi }] = await Promise.all([context.session(), context.config()])
  const disks = new XapiDisks({ clock: context.clock, session, socketPath: xapi.socket })
  const disk = UUID.test(word) ? await disks.diskByUuid(word.toLowerCase(), context.signal) : undefined
  if (disk !== undefined) return disk
  const vm = await context.vm(word, true)
  const found = (await findDrives(disks, vm.ref, context.signal)).filter(isConfigDrive)
  const [first] = found
  if (first === undefined) throw noDrive(vm)
  if (first.disk === undefined) throw noSuchDisk(first.drive.disk ?? '')
  return first.disk
}

function interrupted(error: unknown): string {
  const why = error instanceof DiagnosedError ? `${error.message}. ` : ''
  return `interrupted. ${why}What was begun is taken back, or finished by the host that does it: see xscontainer config-drive show, and /var/log/xscontainer.log`
}
