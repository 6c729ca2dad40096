import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { marked, plainVm, srUuid, TEMPLATE } from './config-drives.ts'
import { installPlugin, untilDaemonsListen } from './plugin-clients.ts'
import { cliOn, type RunCli } from './run-cli.ts'
import { World } from './world.ts'

let world: World
let run: RunCli
const path = (name: string) => join(world.dir, name)

beforeAll(async () => {
  world = await World.start({ hosts: 2 })
  const settings = { config_drive: { template: '/nonexistent', tools_isos: '/nonexistent' } }
  Object.assign(world.settings, settings)
  installPlugin(world)
  await world.startDaemon()
  await untilDaemonsListen(world)
  run = cliOn(world)
})
afterAll(() => world.stop())

test('create from a file, from standard input, and from the default; show; the VM and the storage by name', async () => {
  const vm = plainVm(world, 'web 01')
  writeFileSync(path('web.yaml'), TEMPLATE.replaceAll('\n', '\r\n'))
  const made = await run(['config-drive', 'create', 'web 01', '--sr', 'Shared storage', '--file', path('web.yaml')])
  const uuid = marked(world, vm)[0]?.vdi['uuid'] as string
  expect(made).toEqual({ code: 0, out: `created ${uuid} for ${vm.uuid} web 01\n`, err: '' })
  // Byte for byte, CR LF too.
  expect(await run(['config-drive', 'show', 'web 01'])).toEqual({
    code: 0,
    out: TEMPLATE.replaceAll('\n', '\r\n'),
    err: '',
  })
  expect((await run(['config-drive', 'show', uuid])).out).toBe(TEMPLATE.replaceAll('\n', '\r\n'))

  const words = ['config-drive', 'create', vm.uuid, '--sr', srUuid(world).slice(0, 8)]
  expect(await run([...words, '--file', '-'], `${TEMPLATE}# typed\n`)).toMatchObject({ code: 0 })
  expect((await run(['config-drive', 'show', vm.uuid])).out).toBe(`${TEMPLATE}# typed\n`)

  expect(await run(words)).toMatchObject({ code: 0 })
  const shown = (await run(['config-drive', 'default'])).out
  expect(shown).toMatch(/^#cloud-config\n/)
  expect((await run(['config-drive', 'show', vm.uuid])).out).toBe(shown)
  expect(marked(world, vm)).toHaveLength(1)
})

test('a template of 1 MiB is more than the monitor is asked with: this process does it', async () => {
  const vm = plainVm(world, 'large')
  const text = `${TEMPLATE}# ${'x'.repeat((1 << 20) - TEMPLATE.length - 3)}\n`
  expect(await run(['config-drive', 'create', 'large', '--sr', 'Shared storage', '--file', '-'], text)).toMatchObject({
    code: 0,
    err: '',
  })
  const shown = await run(['config-drive', 'show', 'large'])
  expect([shown.code, shown.err, shown.out.length]).toEqual([0, '', text.length])
  expect(shown.out === text).toBe(true)
  expect(marked(world, vm)).toHaveLength(1)
})

test('on storage that only another host has', async () => {
  const pbd = [...world.pool.db.rows('PBD')].find((row) => row.get('host') === world.pool.hosts[0]!.ref)!
  world.pool.db.set(pbd, 'currently_attached', false)
  const vm = plainVm(world, 'other')
  const words = ['config-drive', 'create', 'other', '--sr', 'Shared storage', '--file', '-']
  expect(await run(words, TEMPLATE.replaceAll('\n', '\r\n'))).toMatchObject({ code: 0 })
  // The answer comes through XML, which has line feeds only.
  expect((await run(['config-drive', 'show', 'other'])).out).toBe(TEMPLATE)
  const large = await run(words, `${TEMPLATE}# ${'x'.repeat(200_000)}\n`)
  expect(large).toMatchObject({ code: 1, out: '' })
  expect(large.err).toMatch(/196 KiB is too large to be sent.*Run the same command on one of its hosts/s)
  expect(marked(world, vm)).toHaveLength(1)
  world.pool.db.set(pbd, 'currently_attached', true)
})
