import type { Socket } from 'node:net'

import type { ByteReader } from './byte-reader.ts'
import type { World } from './call-context.ts'
import type { HttpRequest } from './http-request.ts'
import { voidReply } from './reply.ts'
import type { Row } from './row.ts'
import type { SimHost } from './sim-host.ts'
import { XapiError } from './xapi-error.ts'

const FORMATS: ReadonlySet<string> = new Set(['raw', 'vhd', 'tar', 'qcow2'])
const CHUNK_BYTES = 256 * 1024

type StatusLine = '302 Found' | '401 Unauthorized' | '403 Forbidden' | '404 Not Found' | '500 Internal Server Error'

/** What goes wrong with transfers, until it is set back. */
export interface TransferFaults {
  /** XAPI cuts the connection after so many bytes of the content, in either direction. */
  cutAfter?: number | undefined
  /** XAPI answers so instead. */
  status?: StatusLine | undefined
  /** XAPI stops reading what is sent, and keeps the connection. */
  stall?: boolean | undefined
}

/** Transfers of disk contents beside the API: GET /export_raw_vdi and PUT /import_raw_vdi. */
export class RawVdi {
  /** What was imported, by the VDI's ref; bytes that were never written read as zeros. */
  readonly contents = new Map<string, Buffer>()
  readonly faults: TransferFaults = {}
  private readonly world: World

  constructor(world: World) {
    this.world = world
  }

  copy(from: string, to: string): void {
    const content = this.contents.get(from)
    if (content !== undefined) this.contents.set(to, content)
  }

  /** Serves the request and closes the connection; false: it is for somebody else. */
  async serve(host: SimHost, request: HttpRequest, reader: ByteReader, socket: Socket): Promise<boolean> {
    const isImport = request.method === 'PUT' && request.path === '/import_raw_vdi'
    const isExport = request.method === 'GET' && request.path === '/export_raw_vdi'
    if (!isImport && !isExport) return false
    const vdi = this.find(request.query.get('vdi') ?? '')
    const refusal = this.refusal(host, request, vdi)
    if (this.faults.status !== undefined) socket.write(refuse(this.faults.status))
    else if (refusal !== undefined || vdi === undefined) socket.write(refusal ?? refuse('404 Not Found'))
    else if (isExport) this.export(vdi, socket)
    else await this.import(host, request, vdi, reader, socket)
    return true
  }

  private find(name: string): Row | undefined {
    return this.world.db.find('VDI', name) ?? this.world.db.byUuid('VDI', name)
  }

  private refusal(host: SimHost, request: HttpRequest, vdi: Row | undefined): string | undefined {
    const session = request.query.get('session_id')
    if (session !== null && !this.world.sessions.exists(session)) return refuse('401 Unauthorized')
    if (vdi === undefined || !FORMATS.has(request.query.get('format') ?? 'raw')) return refuse('404 Not Found')
    const task = request.query.get('task_id')
    if (task !== null && this.world.db.find('task', task) === undefined) return refuse('404 Not Found')
    if (request.headers.has('transfer-encoding')) return refuse('404 Not Found')
    const plugged = [...this.world.db.rows('PBD')].filter(
      (pbd) => pbd.get('SR') === vdi.get('SR') && pbd.get('currently_attached') === true,
    )
    if (plugged.some((pbd) => pbd.get('host') === host.ref)) return undefined
    const other = this.world.hosts.find((candidate) => plugged.some((pbd) => pbd.get('host') === candidate.ref))
    if (other === undefined) return refuse('404 Not Found')
    return refuse('302 Found', `location: https://${other.address}${request.path}?${request.query.toString()}\r\n`)
  }

  /** No Content-Length: exactly virtual_size bytes, then the end of the connection. */
  private export(vdi: Row, socket: Socket): void {
    if (this.isWritten(vdi)) return void socket.write(refuse('500 Internal Server Error'))
    const content = Buffer.alloc(Number(vdi.get('virtual_size')))
    this.contents.get(vdi.ref)?.copy(content)
    socket.write('HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/octet-stream\r\n\r\n')
    socket.write(content.subarray(0, this.faults.cutAfter))
  }

  /** What a running VM may write to cannot be attached to dom0 for reading (VDI_IN_USE there; HTTP 500 to the caller). */
  private isWritten(vdi: Row): boolean {
    const drives = (vdi.get('VBDs') as readonly string[]).flatMap((ref) => this.world.db.find('VBD', ref) ?? [])
    return drives.some((drive) => drive.get('currently_attached') === true && drive.get('mode') === 'RW')
  }

  /** Says 200 before it has seen the body: how it went, only the task knows. */
  private async import(host: SimHost, request: HttpRequest, vdi: Row, reader: ByteReader, socket: Socket) {
    const length = Number(request.headers.get('content-length') ?? NaN)
    if (!Number.isSafeInteger(length)) return void socket.write(refuse('404 Not Found'))
    const given = request.query.get('task_id') ?? undefined
    const received = this.receive(vdi, length, reader)
    const task = this.world.tasks.start('VDI.import', host.ref, true, () => received.then(() => voidReply), given)
    socket.write(`HTTP/1.1 200 OK\r\nconnection: close\r\ntask-id: ${task.ref}\r\n\r\n`)
    await received.catch(() => socket.destroy())
  }

  private async receive(vdi: Row, length: number, reader: ByteReader): Promise<void> {
    const chunks: Buffer[] = []
    const room = Number(vdi.get('virtual_size'))
    if (this.faults.stall === true) await new Promise(() => {})
    for (let received = 0; received < length;) {
      if (received >= (this.faults.cutAfter ?? Infinity)) throw new XapiError('VDI_IO_ERROR', 'simulated')
      const chunk = await reader.exactly(Math.min(CHUNK_BYTES, length - received))
      if (chunk === undefined) throw new XapiError('VDI_IO_ERROR', 'the connection ended')
      received += chunk.length
      if (received > room) throw new XapiError('VDI_IO_ERROR', 'more data than the disk holds')
      chunks.push(Buffer.from(chunk))
    }
    this.contents.set(vdi.ref, Buffer.concat(chunks))
  }
}

function refuse(status: StatusLine, headers = ''): string {
  return `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n${headers}\r\n`
}
