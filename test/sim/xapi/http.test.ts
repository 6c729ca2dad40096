import xmlrpc from 'xmlrpc'
import { describe, expect, test } from 'vitest'

import { useTestPool } from './test-pool.ts'
import { methodCall, plain } from './wire-client.ts'

const sim = useTestPool()

describe('XML-RPC answers', () => {
  test('success: ints and strings untyped, other types tagged, void an empty string', async () => {
    const { ref } = sim.pool.createVm({ name: 'a<b>&"c' })
    const body = async (method: string) => (await sim.client.post(methodCall(method, [sim.session, ref])))?.body
    const success = (value: string) =>
      `<?xml version="1.0"?><methodResponse><params><param><value><struct><member><name>Status</name><value>Success</value></member><member><name>Value</name>${value}</member></struct></value></param></params></methodResponse>`
    expect(await body('VM.get_VCPUs_max')).toBe(success('<value>2</value>'))
    expect(await body('VM.get_name_label')).toBe(success('<value>a&lt;b&gt;&amp;&quot;c</value>'))
    expect(await body('VM.get_PV_args')).toBe(success('<value></value>'))
    expect(await body('VM.get_is_a_template')).toBe(success('<value><boolean>0</boolean></value>'))
    expect(await body('VM.get_HVM_shadow_multiplier')).toBe(success('<value><double>1</double></value>'))
    expect(await body('VM.get_snapshot_time')).toBe(
      success('<value><dateTime.iso8601>19700101T00:00:00Z</dateTime.iso8601></value>'),
    )
    expect(await body('VM.get_tags')).toBe(success('<value><array><data></data></array></value>'))
    expect(await body('VM.get_blobs')).toBe(success('<value><struct></struct></value>'))
    expect(await body('VM.get_appliance')).toBe(success('<value>OpaqueRef:NULL</value>'))
    const set = await sim.client.post(methodCall('VM.set_PV_args', [sim.session, ref, 'x']))
    expect(set?.body).toBe(success('<value></value>'))
  })

  test('failure: HTTP 200 with the code and its parameters', async () => {
    const answer = await sim.client.post(methodCall('VM.get_uuid', [sim.session, 'OpaqueRef:gone']))
    expect(answer?.status).toBe(200)
    expect(answer?.body).toContain(
      '<member><name>Status</name><value>Failure</value></member><member><name>ErrorDescription</name><value><array><data><value>HANDLE_INVALID</value><value>VM</value><value>OpaqueRef:gone</value></data></array></value></member>',
    )
  })

  test('a connection is kept, answers have a length, and any POST path will do', async () => {
    const client = sim.connect()
    for (const path of ['/', '/RPC2', '/no/such?x=y']) {
      const answer = await client.post(methodCall('pool.get_all', [sim.session]), path)
      expect(answer?.status).toBe(200)
      expect(answer?.headers.get('connection')).toBe('keep-alive')
      expect(answer?.headers.get('content-length')).toBe(String(answer?.body.length))
    }
  })

  test('connection: close is honoured', async () => {
    const client = sim.connect()
    const answer = await client.post(methodCall('pool.get_all', [sim.session]), '/', 'connection: close\r\n')
    expect(answer?.headers.get('connection')).toBe('close')
    expect(await client.post(methodCall('pool.get_all', [sim.session]))).toBeUndefined()
  })

  test('requests sent without waiting are answered in order, each carried out after the one before', async () => {
    const { ref } = sim.pool.createVm({ name: 'pipeline' })
    const client = sim.connect()
    const calls = [
      client.call('VM.add_to_other_config', sim.session, ref, 'k', '1'),
      client.call('VM.remove_from_other_config', sim.session, ref, 'k'),
      client.call('VM.add_to_other_config', sim.session, ref, 'k', '2'),
      client.call('VM.get_other_config', sim.session, ref),
    ]
    const answers = await Promise.all(calls)
    expect(answers.slice(0, 3)).toEqual(['', '', ''])
    expect(plain(answers[3] ?? null)).toMatchObject({ k: '2' })
  })

  test('untyped and typed strings are the same', async () => {
    const typed = methodCall('pool.get_all', [sim.session]).replace(
      /<value>(OpaqueRef[^<]*)<\/value>/,
      '<value>\n  <string>$1</string>\n</value>',
    )
    expect((await sim.client.post(typed))?.body).toContain('Success')
  })

  test('the xmlrpc package can talk to it', async () => {
    const options = { socketPath: sim.member.socketPath, path: '/' }
    const client = xmlrpc.createClient(options)
    const call = (method: string, params: unknown[]) =>
      new Promise<unknown>((resolve, reject) => {
        client.methodCall(method, params, (error: unknown, value: unknown) =>
          error instanceof Error ? reject(error) : resolve(value),
        )
      })
    const login = (await call('session.login_with_password', ['root', '', '1.0', 'npm'])) as Record<string, string>
    expect(login.Status).toBe('Success')
    const hosts = (await call('host.get_all_records', [login.Value])) as { Value: Record<string, { uuid: string }> }
    expect(Object.keys(hosts.Value)).toEqual(sim.pool.hosts.map((host) => host.ref).reverse())
    const batch = await call('event.from', [login.Value, ['pool'], '', 1.5])
    expect(batch).toMatchObject({ Status: 'Success', Value: { valid_ref_counts: { host: 2, message: 0 } } })
  })
})

describe('failures below the API are HTTP 500 with HTML and a closed connection', () => {
  const call = (inside: string) =>
    `<methodCall><methodName>pool.get_all</methodName><params>${inside}</params></methodCall>`
  const bodies: readonly (readonly [string, string | Buffer])[] = [
    ['malformed XML', '<methodCall>'],
    ['no methodCall', '<x/>'],
    ['nothing', ''],
    ['a control character', call('<param><value>\u0001</value></param>')],
    ['a reference to a control character', call('<param><value>&#1;</value></param>')],
    ['U+FFFE', call('<param><value>\ufffe</value></param>')],
    ['invalid UTF-8', Buffer.concat([Buffer.from('<methodCall>'), Buffer.from([0xff, 0xfe])])],
    ['an unknown type', call('<param><value><what>x</what></value></param>')],
    [
      'an empty name in a struct',
      call('<param><value><struct><member><name></name><value/></member></struct></value></param>'),
    ],
    ['text after the document', `${call('')}<x/>`],
  ]
  test.each(bodies)('%s', async (_, body) => {
    const client = sim.connect()
    const answer = await client.post(body)
    expect(answer?.status).toBe(500)
    expect(answer?.headers.get('content-type')).toBe('text/html')
    expect(answer?.body).toContain('<html>')
    expect(await client.post(methodCall('pool.get_all', [sim.session]))).toBeUndefined()
  })

  test('a body over 300 KiB is refused without being read, one of 300 KiB is not', async () => {
    const head = (length: number) => `POST / HTTP/1.1\r\ncontent-length: ${length}\r\n\r\n`
    expect((await sim.connect().raw(head(300 * 1024 + 1)))?.status).toBe(500)
    const padded = methodCall('pool.get_all', [sim.session]).padEnd(300 * 1024, '\n')
    expect((await sim.connect().post(padded))?.status).toBe(200)
  })

  test.each([
    ['without Content-Length', 'POST / HTTP/1.1\r\n\r\n'],
    ['chunked', 'POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['that is not HTTP', 'hello\r\n\r\n'],
  ])('a request %s', async (_, bytes) => {
    expect((await sim.connect().raw(bytes))?.status).toBe(500)
  })
})

describe('characters in XML', () => {
  test.each([
    ['a\r\nb', 'a\nb'],
    ['a&#13;b', 'a\rb'],
    ['\t\u007f \u{1f600} ]]&gt;', '\t\u007f \u{1f600} ]]>'],
    ['<![CDATA[<&>]]>', '<&>'],
    ['', ''],
  ])('%j is stored as %j', async (sent, stored) => {
    const { ref } = sim.pool.createVm({ name: 'chars' })
    const body = methodCall('VM.add_to_other_config', [sim.session, ref, 'k', 'VALUE']).replace('VALUE', sent)
    expect((await sim.client.post(body))?.body).toContain('Success')
    expect(sim.pool.otherConfig(ref).k).toBe(stored)
  })

  test('a carriage return comes out raw', async () => {
    const { ref } = sim.pool.createVm({ name: 'cr', otherConfig: { k: 'a\rb' } })
    const answer = await sim.client.post(methodCall('VM.get_other_config', [sim.session, ref]))
    expect(answer?.body).toContain('<value>a\rb</value>')
  })
})
