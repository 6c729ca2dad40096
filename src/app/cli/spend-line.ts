import { DiagnosedError } from '../../base/errors.ts'
import type { CliContext } from './context.ts'
import { isRecord, parsed } from './json-reply.ts'

/** What this host's monitor costs XAPI, as a line for people; empty where none answers, or an older one. */
export async function spendLine(context: CliContext): Promise<string> {
  const [{ callControl }, { control }] = await Promise.all([import('../../control/client.ts'), context.config()])
  try {
    return spendText(await callControl(context, control.socket, 'spend', {}, context.signal))
  } catch (error) {
    if (error instanceof DiagnosedError && !context.signal.aborted) return ''
    throw error
  }
}

/** The line for a SpendDocument in JSON; empty for anything else. */
export function spendText(json: string): string {
  const document = parsed(json)
  if (!isRecord(document)) return ''
  const [minute, hour] = [document['last_minute'], document['last_hour']].map((spent) => (isRecord(spent) ? spent : {}))
  const numbers = [
    minute?.['calls'],
    hour?.['calls'],
    hour?.['bytes'],
    document['calls_per_s_at_most'],
    document['waiting'],
  ].map((value) => (typeof value === 'number' ? value : undefined))
  if (numbers.includes(undefined)) return ''
  const [calls, hourly, bytes, most, waiting] = numbers as number[]
  return (
    `\nXAPI writes by this host's monitor: ${calls} in the last minute, ${hourly} in the last hour ` +
    `(${(bytes! / 1e6).toFixed(1)} MB); at most ${most} per second; ${waiting} VMs wait\n`
  )
}
