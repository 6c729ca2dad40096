/**
 * Guests in a process of their own, so that their cost does not count as that of the program under test.
 * Each line on standard input (or each IPC message) is `{"id":1,"verb":"start","guest":"a","args":[{..}]}`; each
 * answer is `{"id":1,"value":..}` or `{"id":1,"error":".."}`. Verbs: see guest-fleet.ts. Ends with its parent.
 */
import { createInterface } from 'node:readline'
import { GuestFleet } from './guest-fleet.ts'

interface Request {
  readonly id: number
  readonly verb: string
  readonly guest: string
  readonly args?: readonly unknown[]
}

const fleet = new GuestFleet()

async function serve(request: Request, reply: (answer: object) => void): Promise<void> {
  try {
    const value = await fleet.call(request.verb, request.guest, request.args ?? [])
    reply({ id: request.id, value: value ?? null })
  } catch (error) {
    reply({ id: request.id, error: error instanceof Error ? error.message : String(error) })
  }
}

function end(): void {
  void fleet.stopAll().finally(() => process.exit(0))
}

if (process.send) {
  process.on('message', (request) => void serve(request as Request, (answer) => process.send?.(answer)))
  process.on('disconnect', end)
} else {
  const write = (answer: object) => void process.stdout.write(`${JSON.stringify(answer)}\n`)
  createInterface({ input: process.stdin })
    .on('line', (line) => void serve(JSON.parse(line) as Request, write))
    .on('close', end)
}
