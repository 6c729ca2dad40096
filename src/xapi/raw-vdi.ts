import type { Clock } from '../base/clock.ts'
import { within } from '../base/deadline.ts'
import { DiagnosedError, RefusedError, StoppedError, TransientError } from '../base/errors.ts'
import { RawExchange, type AnswerHead, type XapiPlace } from './raw-exchange.ts'
import type { XapiSession } from './session.ts'
import { TransferTask } from './transfer-task.ts'

export interface RawVdiDeps {
  readonly clock: Clock
  readonly session: Pick<XapiSession, 'call' | 'reference'>
  readonly socketPath: string
}

/** What of a disk is needed to reach its bytes. */
export interface RawVdi {
  readonly uuid: string
  readonly bytes: number
}

const TRANSFER_MS = 10 * 60_000
/** XAPI answers before it reads; who has not answered by then may want to see the body first. */
const ANSWER_MS = 5000
const MOST_REDIRECTS = 3
/** XAPI's task says how it went when the connection ends, or a moment later. */
const TASK_SILENCE_MS = 10_000

/**
 * Writes `content` to the beginning of the VDI; complete when it resolves, which a task of XAPI's tells: XAPI answers 200
 * before it has read anything. Where the task says nothing, what is read back from the VDI tells. Rejects with a DiagnosedError; what is in the VDI then is anybody's guess.
 */
export async function uploadRawVdi(deps: RawVdiDeps, vdi: RawVdi, content: Buffer, signal: AbortSignal): Promise<void> {
  if (content.length > vdi.bytes) throw tooLarge(vdi, content.length)
  const task = await TransferTask.create(deps, `Upload to VDI ${vdi.uuid}`, signal)
  try {
    await transfer(deps, vdi, 'upload', signal, async (inTime) => {
      const query = { session_id: await deps.session.reference(inTime), task_id: task.ref }
      const { exchange } = await request(deps, vdi, 'PUT', query, content, inTime)
      try {
        let silentAt = Infinity
        const end = ended(exchange).then(() => void (silentAt = deps.clock.monotonic() + TASK_SILENCE_MS))
        const isThere = async () => {
          if (deps.clock.monotonic() < silentAt) return false
          silentAt = Infinity
          return holds(deps, vdi, content, inTime)
        }
        // Both: XAPI that gives up need not close the connection, and one that closes it may not be done yet.
        await Promise.all([end, task.success(isThere, inTime)])
      } finally {
        exchange.close()
      }
    })
  } finally {
    await task.destroy()
  }
}

/** Whether this is what the VDI begins with. What cannot be read now is no answer. */
async function holds(deps: RawVdiDeps, vdi: RawVdi, content: Buffer, signal: AbortSignal): Promise<boolean> {
  try {
    return (await downloadRawVdi(deps, vdi, signal)).subarray(0, content.length).equals(content)
  } catch {
    return false
  }
}

/** All bytes of the VDI, `vdi.bytes` of them. Rejects with a DiagnosedError, also when fewer came. */
export function downloadRawVdi(deps: RawVdiDeps, vdi: RawVdi, signal: AbortSignal): Promise<Buffer> {
  return transfer(deps, vdi, 'download', signal, async (inTime) => {
    const query = { session_id: await deps.session.reference(inTime) }
    const { exchange, head } = await request(deps, vdi, 'GET', query, undefined, inTime)
    try {
      const content = await exchange.body(head, vdi.bytes)
      if (content.length < vdi.bytes) throw cutOff(vdi, content.length)
      return content
    } finally {
      exchange.close()
    }
  })
}

/** Under the deadline, with foreign errors translated. */
async function transfer<T>(
  { clock }: RawVdiDeps,
  vdi: RawVdi,
  what: string,
  signal: AbortSignal,
  work: (inTime: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = {
    kind: 'vdi-transfer',
    cause: `The ${what} of VDI ${vdi.uuid} was not done within ${TRANSFER_MS / 60_000} minutes`,
    cure: 'Check the load of the host and of its storage, then try again',
  }
  try {
    return await within(clock, TRANSFER_MS, signal, late, work)
  } catch (error) {
    if (error instanceof DiagnosedError || error instanceof StoppedError || signal.aborted) throw error
    const why = error instanceof Error ? error.message : String(error)
    throw new TransientError(
      {
        kind: 'vdi-transfer',
        cause: `The ${what} of VDI ${vdi.uuid} broke off: ${why.slice(0, 200)}`,
        cure: 'Check that the toolstack runs (systemctl status xapi) and the storage is attached, then try again',
      },
      { cause: error },
    )
  }
}

/** Sends the request, to another host where XAPI says that one has the storage; resolves after a 200, body sent. */
async function request(
  deps: RawVdiDeps,
  vdi: RawVdi,
  method: 'PUT' | 'GET',
  query: Readonly<Record<string, string>>,
  content: Buffer | undefined,
  signal: AbortSignal,
): Promise<{ exchange: RawExchange; head: AnswerHead }> {
  const path = method === 'PUT' ? '/import_raw_vdi' : '/export_raw_vdi'
  let place: XapiPlace = { socketPath: deps.socketPath }
  let target = `${path}?${new URLSearchParams({ ...query, vdi: vdi.uuid, format: 'raw' }).toString()}`
  for (let hop = 0; hop <= MOST_REDIRECTS; hop++) {
    const exchange = new RawExchange(place, signal)
    try {
      const head = await ask(deps.clock, exchange, `${method} ${target}`, hostOf(place), content)
      if (head.status === 200) return { exchange, head }
      if (head.status !== 302) throw refusal(vdi, head.status)
      const next = redirected(vdi, head, query)
      place = next.place
      target = next.target
    } catch (error) {
      exchange.close()
      throw error
    }
    exchange.close()
  }
  throw lost(vdi, 'hosts send on to each other')
}

/** The head of the answer. The body is sent once XAPI has said that it will read it, or has said nothing for long. */
async function ask(
  clock: Clock,
  exchange: RawExchange,
  line: string,
  host: string,
  content: Buffer | undefined,
): Promise<AnswerHead> {
  const length = content === undefined ? '' : `content-length: ${content.length}\r\n`
  await exchange.write(
    `${line} HTTP/1.1\r\nhost: ${host}\r\nuser-agent: xscontainer\r\n${length}connection: close\r\n\r\n`,
  )
  const coming = exchange.head()
  if (content === undefined) return coming
  const early = await withPatience(clock, coming)
  if (early !== undefined && early.status !== 200) return early
  // Whoever stops reading says why in the answer, or in the task; and may never take all of it.
  exchange.write(content).catch(() => undefined)
  return coming
}

/** Resolves at the end of the connection; a torn one says nothing that the task does not say better. */
async function ended(exchange: RawExchange): Promise<void> {
  while ((await exchange.read().catch(() => undefined)) !== undefined);
}

/** What comes, or undefined when it takes too long. */
async function withPatience<T>(clock: Clock, coming: Promise<T>): Promise<T | undefined> {
  let cancel = () => {}
  const waited = new Promise<undefined>((resolve) => {
    cancel = clock.after(ANSWER_MS, () => resolve(undefined))
  })
  return Promise.race([coming, waited]).finally(() => cancel())
}

/** Where to go instead. The session goes with it: another host knows it, since sessions are the pool's. */
function redirected(vdi: RawVdi, { headers }: AnswerHead, query: Readonly<Record<string, string>>) {
  const location = headers.get('location') ?? ''
  if (!/^https:/i.test(location) || !URL.canParse(location)) throw lost(vdi, 'XAPI sends on to no https address')
  const url = new URL(location)
  for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  return { place: { host, port: url.port === '' ? 443 : Number(url.port) }, target: `${url.pathname}${url.search}` }
}

function hostOf(place: XapiPlace): string {
  if ('socketPath' in place) return 'localhost'
  return place.host.includes(':') ? `[${place.host}]` : place.host
}

function refusal(vdi: RawVdi, status: number): DiagnosedError {
  if (status === 403) {
    return new RefusedError({
      kind: 'vdi-transfer',
      cause: `XAPI does not let this session transfer VDI ${vdi.uuid}: its role is too small`,
      cure: 'Use an account with the role vm-admin or above',
    })
  }
  if (status === 401) return lost(vdi, 'XAPI does not know our session (any more)')
  if (status === 404) return lost(vdi, 'XAPI finds no such VDI, or no host that its storage is attached to')
  return lost(vdi, `XAPI answered with HTTP status ${status}`)
}

function lost(vdi: RawVdi, why: string): TransientError {
  return new TransientError({
    kind: 'vdi-transfer',
    cause: `VDI ${vdi.uuid} could not be transferred: ${why}`,
    cure: 'Check the storage repository (xe pbd-list), and /var/log/xensource.log for the same moment, then try again',
  })
}

function cutOff(vdi: RawVdi, got: number): TransientError {
  return lost(vdi, `the connection ended after ${got} of ${vdi.bytes} bytes`)
}

function tooLarge(vdi: RawVdi, length: number): RefusedError {
  return new RefusedError({
    kind: 'vdi-transfer',
    cause: `${length} bytes do not fit in VDI ${vdi.uuid} of ${vdi.bytes} bytes`,
    cure: 'Make a larger VDI',
  })
}
