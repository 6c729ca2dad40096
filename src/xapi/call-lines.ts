import { DeadlineError } from '../base/errors.ts'
import { Gate } from '../base/gate.ts'
import { NotAnswered, PipeLine } from './pipe-line.ts'

/** These make a new object each time: they are never sent twice. */
const MAKES_NEW = /\.create$/

/** Sends a call over a line; rejects with an error whose cause is what the line said. */
export type SendOver<C> = (line: PipeLine, call: C) => Promise<unknown>

/**
 * The connections that carry calls: several bursts of calls at the same time, each in one piece on one connection.
 * Where XAPI does not read further requests before it has answered one, or closes connections after an answer, the
 * calls that it has not looked at are sent again.
 */
export class CallLines {
  readonly #lines: readonly PipeLine[]
  readonly #gate: Gate
  #oneByOne = false

  constructor(socketPath: string, count: number) {
    this.#lines = Array.from({ length: count }, () => new PipeLine(socketPath))
    this.#gate = new Gate(count)
  }

  /** XAPI may be another one now: what was learnt of the old one counts for nothing. */
  relearn(): void {
    this.#oneByOne = false
  }

  close(): void {
    for (const line of this.#lines) line.close()
  }

  /** Makes the calls in this order; the result of each. Rejects only when `signal` aborts before they are sent. */
  burst<C extends { readonly method: string }>(
    calls: readonly C[],
    sendOver: SendOver<C>,
    signal: AbortSignal,
  ): Promise<PromiseSettledResult<unknown>[]> {
    return this.#gate.pass(signal, async () => {
      const line = this.#lines.find((candidate) => !candidate.busy) ?? this.#lines[0]!
      if (calls.some(({ method }) => MAKES_NEW.test(method))) line.renew()
      if (this.#oneByOne) return inTurn(line, calls, sendOver)
      const results = await Promise.allSettled(calls.map((call) => sendOver(line, call)))
      if (calls.length > 1 && results.some(isHeldUp)) this.#oneByOne = true
      return this.#repeated(line, calls, results, sendOver)
    })
  }

  async #repeated<C extends { readonly method: string }>(
    line: PipeLine,
    calls: readonly C[],
    results: readonly PromiseSettledResult<unknown>[],
    sendOver: SendOver<C>,
  ): Promise<PromiseSettledResult<unknown>[]> {
    const missed = results.flatMap((result, i) =>
      isUnanswered(result) && !MAKES_NEW.test(calls[i]!.method) ? [i] : [],
    )
    const again = await inTurn(
      line,
      missed.map((i) => calls[i]!),
      sendOver,
    )
    return results.map((result, i) => (missed.includes(i) ? again[missed.indexOf(i)]! : result))
  }
}

/** One after the other, each once more when its connection was closed under it. */
async function inTurn<C extends { readonly method: string }>(
  line: PipeLine,
  calls: readonly C[],
  sendOver: SendOver<C>,
): Promise<PromiseSettledResult<unknown>[]> {
  const results: PromiseSettledResult<unknown>[] = []
  for (const call of calls) {
    let [result] = await Promise.allSettled([sendOver(line, call)])
    if (isUnanswered(result) && !MAKES_NEW.test(call.method))
      [result] = await Promise.allSettled([sendOver(line, call)])
    results.push(result)
  }
  return results
}

function isUnanswered(result: PromiseSettledResult<unknown>): boolean {
  return result.status === 'rejected' && result.reason instanceof Error && result.reason.cause instanceof NotAnswered
}

/** Unanswered behind another call of the same burst, or held up for as long as a call may take. */
function isHeldUp(result: PromiseSettledResult<unknown>, at: number, all: readonly PromiseSettledResult<unknown>[]) {
  if (at === 0 || isDeadline(all[0]!)) return false
  return isUnanswered(result) || isDeadline(result)
}

function isDeadline(result: PromiseSettledResult<unknown>): boolean {
  return result.status === 'rejected' && result.reason instanceof DeadlineError
}
