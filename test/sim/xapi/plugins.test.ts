import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, test } from 'vitest'

import type { SimHost } from './sim-host.ts'
import { useTestPool } from './test-pool.ts'
import { escapeXml } from './xmlrpc-codec.ts'
import { methodCall } from './wire-client.ts'

const sim = useTestPool()

/** Installs a plugin of this name: a shell script. */
function install(host: SimHost, name: string, script: string, mode = 0o755): void {
  const file = join(host.pluginsDir, name)
  writeFileSync(file, `#!/bin/sh\n${script}\n`)
  chmodSync(file, mode)
}

function response(inside: string): string {
  return `<methodResponse><params><param><value><struct>${inside}</struct></value></param></params></methodResponse>`
}

function success(value: string): string {
  return response(
    `<member><name>Status</name><value>Success</value></member><member><name>Value</name>${value}</member>`,
  )
}

/** A script that prints exactly this. */
const printing = (text: string) => `cat <<'END'\n${text}\nEND`

function callPlugin(
  name: string,
  args: Record<string, string> = {},
  host = sim.coordinator,
  fn = 'fn',
): Promise<string> {
  return sim.client.text('host.call_plugin', sim.session, host.ref, name, fn, args)
}

describe('what a plugin gets', () => {
  test('one argument: a methodCall with the session and the args; an environment of only PATH; no stdin', async () => {
    const encode = `sed 's/&/\\&amp;/g; s/</\\&lt;/g' /proc/$$/cmdline | tr '\\000' '|'`
    const show = `printf '%s' "<methodResponse><params><param><value><struct><member><name>Status</name><value>Success</value></member><member><name>Value</name><value>"\n${encode}\ntr '\\000' ' ' < /proc/$$/environ\nwc -c\nprintf '%s' "</value></member></struct></value></param></params></methodResponse>"`
    install(sim.coordinator, 'show', show)
    const shown = await callPlugin('show', { a: '<1>', empty: '' }, sim.coordinator, 'do_it')
    const argument = `<methodCall><methodName>do_it</methodName><params><param><value>${sim.session}</value></param><param><value><struct><member><name>a</name><value>&lt;1&gt;</value></member><member><name>empty</name><value/></member></struct></value></param></params></methodCall>`
    expect(shown).toContain(`|${argument}|`)
    expect(shown).toMatch(/\|PATH=\/sbin:\/usr\/sbin:\/bin:\/usr\/bin 0\n$/)
  })

  test('on the coordinator the session of the caller, on a member one of its own that ends with it', async () => {
    const script = `printf '%s' "${success('<value>SESSION</value>').replace('SESSION', '$(printf %s "$1" | grep -o "OpaqueRef:[0-9a-f-]*")')}"`
    for (const host of sim.pool.hosts) install(host, 'whoami', script)
    expect(await callPlugin('whoami')).toBe(sim.session)
    const other = await callPlugin('whoami', {}, sim.member)
    expect(other).toMatch(/^OpaqueRef:/)
    expect(other).not.toBe(sim.session)
    expect(sim.pool.sessions.exists(other)).toBe(false)
  })
})

describe('what the caller gets', () => {
  const failure = (...items: string[]) =>
    response(
      `<member><name>Status</name><value>Failure</value></member><member><name>ErrorDescription</name><value><array><data>${items.map((item) => `<value>${item}</value>`).join('')}</data></array></value></member>`,
    )
  const fault =
    '<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>42</int></value></member><member><name>faultString</name><value>why</value></member></struct></value></fault></methodResponse>'

  test.each([
    ['a string', printing(success('<value>True&lt;x&gt;</value>')), 'True<x>'],
    ['a typed string', printing(success('<value><string>True</string></value>')), 'True'],
    ['with an XML declaration', printing(`<?xml version='1.0'?>\n${success('<value>x</value>')}`), 'x'],
    ['only blanks', printing(success('<value> \n </value>')), ''],
    ['an empty string', printing(success('<value/>')), ''],
    ['something behind the response', printing(`${success('<value>x</value>')}\ntrailing < text`), 'x'],
    ['noise on stderr', `echo noise >&2; ${printing(success('<value>x</value>'))}`, 'x'],
    ['a child that keeps the streams', `sleep 5 &\n${printing(success('<value>x</value>'))}`, 'x'],
  ])('success: %s', async (_, script, result) => {
    install(sim.coordinator, 'works', script)
    expect(await callPlugin('works')).toBe(result)
  })

  test.each([
    ['another type', printing(success('<value><int>1</int></value>')), 'INTERNAL_ERROR'],
    ['XML of another shape', 'echo "<x/>"', 'INTERNAL_ERROR'],
    ['a control character', printing(success('<value>\u0001</value>')), 'INTERNAL_ERROR'],
    ['a failure', printing(failure('CODE', 'p1', 'p2')), 'CODE|p1|p2'],
    ['a fault', printing(fault), 'XENAPI_PLUGIN_FAILURE|fault|42|why'],
    ['no XML', 'echo hello', 'XENAPI_PLUGIN_FAILURE|failed to parse plugin output|hello\n|'],
    ['nothing', ':', 'XENAPI_PLUGIN_FAILURE|failed to parse plugin output||'],
    [
      'print before the response',
      `echo x; ${printing(success('<value>x</value>'))}`,
      'XENAPI_PLUGIN_FAILURE|failed to parse plugin output|',
    ],
    ['an exit code', 'echo out; echo err >&2; exit 3', 'XENAPI_PLUGIN_FAILURE|non-zero exit|out\n|err\n'],
    ['a signal', 'echo out; kill -9 $$', 'XENAPI_PLUGIN_FAILURE|signal: SIGKILL|out\n|'],
  ])('failure: %s', async (_, script, expected) => {
    install(sim.coordinator, 'fails', script)
    await expect(callPlugin('fails')).rejects.toThrow(expected)
  })

  test('a plugin that is not executable, has no interpreter, or gets an argument beyond 128 KiB', async () => {
    const expected = 'XENAPI_PLUGIN_FAILURE|non-zero exit||'
    install(sim.coordinator, 'plain', 'exit 0', 0o644)
    await expect(callPlugin('plain')).rejects.toThrow(expected)
    writeFileSync(join(sim.coordinator.pluginsDir, 'bad'), '#!/no/such/interpreter\n', { mode: 0o755 })
    await expect(callPlugin('bad')).rejects.toThrow(expected)
    install(sim.coordinator, 'ok', printing(success('<value>x</value>')))
    await expect(callPlugin('ok', { a: 'x'.repeat(128 * 1024) })).rejects.toThrow(expected)
    expect(await callPlugin('ok', { a: 'x'.repeat(120 * 1024) })).toBe('x')
  })

  test('only files of that host, by exact name', async () => {
    install(sim.member, 'there', printing(success('<value>x</value>')))
    await expect(callPlugin('there')).rejects.toThrow('XENAPI_MISSING_PLUGIN|there')
    await expect(callPlugin('../plugins/there', {}, sim.member)).rejects.toThrow('XENAPI_MISSING_PLUGIN')
    expect(await callPlugin('there', {}, sim.member)).toBe('x')
  })

  test('a host that is unknown or not live, or cannot be reached', async () => {
    const call = (ref: string) => sim.client.call('host.call_plugin', sim.session, ref, 'p', 'f', {})
    await expect(call('OpaqueRef:NULL')).rejects.toThrow('HOST_OFFLINE|OpaqueRef:NULL')
    await sim.member.faults.refuse()
    await expect(call(sim.member.ref)).rejects.toThrow(`CANNOT_CONTACT_HOST|${sim.member.ref}`)
    await sim.member.faults.clear()
    const metrics = sim.pool.db.row('host', sim.member.ref).text('metrics')
    sim.pool.db.set(sim.pool.db.row('host_metrics', metrics), 'live', false)
    await expect(call(sim.member.ref)).rejects.toThrow(`HOST_OFFLINE|${sim.member.ref}`)
    sim.pool.db.set(sim.pool.db.row('host_metrics', metrics), 'live', true)
  })
})

test('args are strings only', async () => {
  const body = methodCall('host.call_plugin', [sim.session, sim.coordinator.ref, 'p', 'f', { a: true }])
  expect((await sim.client.post(body))?.body).toContain(escapeXml('INTERNAL_ERROR'))
})
