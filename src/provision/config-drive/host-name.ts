/** RFC 1035, 2.3.4; Linux takes one more. */
const MOST_CHARS = 63

/** A VM's name reduced to what every guest takes for a host name: [a-z0-9], as the predecessor did. Never empty. */
export function hostNameOf(vmName: string): string {
  const reduced = vmName.replace(/[^A-Za-z0-9]/g, '').toLowerCase()
  return reduced.slice(0, MOST_CHARS) || 'vm'
}
