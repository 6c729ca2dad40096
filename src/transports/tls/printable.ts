/** Foreign text made safe to show: printable ASCII, cut short. */
export function printable(foreign: unknown, most = 80): string {
  const text = typeof foreign === 'string' ? foreign : ''
  const clean = text.replace(/[^\x20-\x7e]+/g, ' ').trim()
  return clean.length > most ? `${clean.slice(0, most)}..` : clean
}
