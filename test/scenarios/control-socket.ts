import { join } from 'node:path'
import { systemClock } from '../../src/base/clock.ts'
import { callControl, openControl } from '../../src/control/client.ts'
import type { ListDocument, ListedVm } from '../../src/operations/list-document.ts'
import type { Args, OperationStream } from '../../src/operations/operation.ts'
import type { World } from './world.ts'

const FOREVER = new AbortController().signal

/** The path of the control socket of the daemon on the host with this number. */
export function socketOf(world: World, host = 0): string {
  return join(world.dir, `host-${host}.sock`)
}

/** Asks the daemon on the first host, as the plugin and the command do. */
export function askDaemon(world: World, operation: string, args: Args = {}, signal = FOREVER): Promise<string> {
  return callControl({ clock: systemClock }, socketOf(world), operation, args, signal)
}

export function converse(world: World, operation: string, args: Args): Promise<OperationStream> {
  return openControl({ clock: systemClock }, socketOf(world), operation, args, FOREVER)
}

export async function listedVms(world: World, args: Args = {}): Promise<readonly ListedVm[]> {
  return (JSON.parse(await askDaemon(world, 'list', args)) as ListDocument).vms
}
