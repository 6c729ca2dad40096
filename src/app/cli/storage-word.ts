import { RefusedError } from '../../base/errors.ts'
import { cleanForTerminal } from '../../base/text.ts'
import type { XapiSession } from '../../xapi/session.ts'
import { readStorage, type Storage } from '../../xapi/storage.ts'
import { isRecord } from '../../xapi/wire.ts'
import { noSuchStorage } from '../config-drive/storage-place.ts'

interface Named {
  readonly ref: string
  readonly uuid: string
  readonly name: string
}

/** The storage repository that this word means: a uuid, the beginning of one, or a name. Throws RefusedError. */
export async function storageNamed(
  session: Pick<XapiSession, 'call'>,
  word: string,
  signal: AbortSignal,
): Promise<Storage> {
  const { ref, uuid } = pick(await allOf(session, signal), word)
  const storage = await readStorage(session, ref, signal)
  if (storage === undefined) throw noSuchStorage(uuid)
  return storage
}

async function allOf(session: Pick<XapiSession, 'call'>, signal: AbortSignal): Promise<Named[]> {
  const records = await session.call('SR.get_all_records', [], signal)
  return Object.entries(isRecord(records) ? records : {}).flatMap(([ref, record]) =>
    isRecord(record) ? [{ ref, uuid: String(record['uuid']), name: String(record['name_label']) }] : [],
  )
}

function pick(all: readonly Named[], word: string): Named {
  const wanted = word.toLowerCase()
  const ways = [
    ({ uuid }: Named) => uuid === wanted,
    ({ name }: Named) => name === word,
    ({ uuid }: Named) => uuid.startsWith(wanted),
  ]
  const found = ways.map((fits) => all.filter(fits)).find((some) => some.length > 0) ?? []
  const [first, ...others] = found
  if (first === undefined) throw noSuchStorage(word)
  if (others.length === 0) return first
  const lines = found.map(({ uuid, name }) => `\n  ${uuid}  ${cleanForTerminal(name)}`)
  throw new RefusedError({
    kind: 'ambiguous',
    cause: `${cleanForTerminal(JSON.stringify(word))} fits several storage repositories`,
    cure: `Name one by its uuid:${lines.join('')}`,
  })
}
