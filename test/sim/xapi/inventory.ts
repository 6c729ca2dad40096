import { randomUUID } from 'node:crypto'

/** The text of /etc/xensource-inventory on the host with this uuid. */
export function inventory(uuid: string): string {
  const lines = {
    PRODUCT_BRAND: 'XCP-ng',
    PRODUCT_NAME: 'xenenterprise',
    PRODUCT_VERSION: '8.3.0',
    PLATFORM_NAME: 'XCP',
    PLATFORM_VERSION: '3.4.0',
    INSTALLATION_UUID: uuid,
    CONTROL_DOMAIN_UUID: randomUUID(),
    MANAGEMENT_INTERFACE: 'xenbr0',
    MANAGEMENT_ADDRESS_TYPE: 'IPv4',
  }
  return Object.entries(lines)
    .map(([name, value]) => `${name}='${value}'\n`)
    .join('')
}
