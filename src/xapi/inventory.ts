import { RefusedError } from '../base/errors.ts'

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** This host's uuid: INSTALLATION_UUID in the text of /etc/xensource-inventory. Throws RefusedError when it is not there. */
export function hostUuidFrom(inventory: string, path: string): string {
  const line = /^\s*INSTALLATION_UUID\s*=\s*(['"]?)(.*?)\1\s*$/m.exec(inventory)
  const uuid = line?.[2] ?? ''
  if (UUID.test(uuid)) return uuid.toLowerCase()
  throw new RefusedError({
    kind: 'inventory',
    cause:
      line === null
        ? `${path} has no line INSTALLATION_UUID='..'`
        : `INSTALLATION_UUID in ${path} is not a uuid: ${JSON.stringify(uuid.slice(0, 60))}`,
    cure: 'Restore the file (its other copy is /etc/xensource-inventory.prev, if any) or name another in [xapi] inventory',
  })
}
