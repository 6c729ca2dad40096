import { readFile } from 'node:fs'
import { promisify } from 'node:util'
import { RefusedError } from '../base/errors.ts'
import { hostUuidFrom } from '../xapi/inventory.ts'
import type { XapiSession } from '../xapi/session.ts'

/** XAPI's ref of the host that this process runs on. Rejects with a DiagnosedError. */
export async function findThisHost(
  session: Pick<XapiSession, 'call'>,
  inventoryPath: string,
  signal: AbortSignal,
): Promise<string> {
  const uuid = hostUuidFrom(await readInventory(inventoryPath), inventoryPath)
  return String(await session.call('host.get_by_uuid', [uuid], signal))
}

/** Not by `fs/promises`, which takes 2 MB: a monitor without guests needs nothing else of it. */
async function readInventory(path: string): Promise<string> {
  try {
    return await promisify(readFile)(path, 'utf8')
  } catch (error) {
    throw new RefusedError({
      kind: 'inventory',
      cause: `Cannot read ${path}: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}`,
      cure: 'This runs in dom0 of a XenServer or XCP-ng host, as root; elsewhere name the file in [xapi] inventory',
    })
  }
}
