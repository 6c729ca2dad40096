import { cutText } from '../base/text.ts'

/**
 * An engine's status text without its age, so that it changes only with the state; clients compare `Up`,
 * `Up (Paused)` and `Exited (137)` by equality. Falls back on the state word where the text is missing or unknown.
 */
export function normalStatus(status: string, state: string): string {
  const text = status.trim()
  if (/^up\b/i.test(text)) return /\(paused\)/i.test(text) || state === 'paused' ? 'Up (Paused)' : 'Up'
  const coded = /^(exited|restarting) ?\((-?\d{1,10})\)/i.exec(text)
  if (coded !== null) return `${capital(coded[1] ?? '')} (${coded[2]})`
  const plain = /^(created|dead|removal in progress|restarting|exited)\b/i.exec(text)
  if (plain !== null) return WORDS[plain[0].toLowerCase()] ?? capital(plain[0])
  return fromState(state, text)
}

/** The health check's verdict where the engine tells it: in the list itself since API 1.52, before in the status. */
export function healthOf(status: string, health: unknown): string | undefined {
  const told = typeof health === 'object' && health !== null && 'Status' in health ? health.Status : undefined
  if (told === 'healthy' || told === 'unhealthy' || told === 'starting') return told
  return /\((?:health: )?(healthy|unhealthy|starting)\)/.exec(status)?.[1]
}

const WORDS: Readonly<Record<string, string>> = {
  running: 'Up',
  paused: 'Up (Paused)',
  configured: 'Created',
  initialized: 'Created',
  stopped: 'Exited',
  removing: 'Removal In Progress',
  'removal in progress': 'Removal In Progress',
}

/** An unknown text is kept up to its first digit: what follows is likely an age, which would change all the time. */
function fromState(state: string, text: string): string {
  const word = state.trim().toLowerCase()
  if (word !== '') return Object.hasOwn(WORDS, word) ? (WORDS[word] ?? '') : capital(cutText(word, 32))
  const start = cutText(text.split(/\d/, 1)[0]?.trim() ?? '', 32)
  return start === '' ? 'Unknown' : start
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1).toLowerCase()
}
