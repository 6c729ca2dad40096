import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { World, type WorldGuest } from './world.ts'

const CLI = fileURLToPath(new URL('../../dist/bin/xscontainer', import.meta.url))

let world: World
let shop: WorldGuest
let dead: WorldGuest
let far: WorldGuest
beforeAll(async () => {
  world = await World.start({ hosts: 2 })
  for (const host of world.pool.hosts) await world.startDaemon(host)
  shop = await world.addGuest({
    name: 'shop',
    engine: {
      containers: [
        { name: 'web', image: 'nginx:1.27', ports: [{ ip: '0.0.0.0', privatePort: 80, publicPort: 8080 }] },
        { name: 'done', state: 'exited', exitCode: 3 },
        { name: 'red \u001b[31m', command: 'echo \u0007' },
      ],
    },
  })
  far = await world.addGuest({ name: 'far', host: world.pool.hosts[1]!, engine: { containers: [{ name: 'db' }] } })
  dead = await world.addGuest({ name: 'twin', networks: { '0/ip': '127.44.44.44' } })
  await world.addGuest({ name: 'twin', powerState: 'Halted' })
  for (const guest of [shop, far]) await world.untilMonitored(guest)
  await world.untilFailed(dead, /No SSH server/)
})
afterAll(() => world.stop())

function run(...args: string[]) {
  const config = world.configFile()
  return new Promise<{ code: number; out: string; err: string }>((resolve) => {
    execFile(CLI, [...args, '--config', config], { timeout: 40_000 }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), out, err }),
    )
  })
}

test('status: one line per VM of this host and of none, with the state and its cause', async () => {
  const { code, out } = await run('status')
  expect(code).toBe(0)
  const lines = out.trim().split('\n')
  expect(lines[0]).toMatch(/^UUID +VM +HOST +CONTAINERS +CHANGED +STATUS$/)
  expect(lines).toHaveLength(4)
  expect(out).toMatch(new RegExp(`${shop.uuid.slice(0, 8)}  shop +sim-host-1 +3 .*monitored since`))
  expect(out).toMatch(/twin +sim-host-1 +- .*failed since .*No SSH server listens at 127\.44\.44\.44/)
  expect(out).toMatch(/twin +- +- .*not monitored: the VM is halted/)
  expect((await run('status', '--pool')).out).toMatch(/far +sim-host-2 +1 .*monitored since/)
})

test('status --json', async () => {
  const { out } = await run('status', '--json', '--pool')
  const vms = JSON.parse(out) as { name: string; uuid: string; status: string; containers: number | null }[]
  expect(vms.map(({ name }) => name)).toEqual(['far', 'shop', 'twin', 'twin'])
  expect(vms.find(({ name }) => name === 'shop')).toMatchObject({
    uuid: shop.uuid,
    host: 'sim-host-1',
    power_state: 'Running',
    containers: 3,
    status: world.status(shop),
  })
})

test('ps: the running containers of this host, all of them with -a, those of the pool with --pool', async () => {
  const { code, out } = await run('ps')
  expect(code).toBe(0)
  expect(out).toMatch(/shop +\w{10} +nginx:1\.27 .* Up +0\.0\.0\.0:8080->80\/tcp +web/)
  expect(out).not.toContain('done')
  expect(out).not.toContain('far')
  expect(out).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/)
  expect((await run('ps', '-a')).out).toMatch(/Exited \(3\) +.*done/)
  expect((await run('ps', '--pool')).out).toMatch(/far .* db/)
})

test('ps of one VM: by name, by uuid, by its beginning, on any host; as JSON', async () => {
  for (const word of ['far', far.uuid, far.uuid.slice(0, 13)]) {
    const { code, out } = await run('ps', word, '--json')
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject([{ vm: far.uuid, vm_name: 'far', names: 'db', status: 'Up' }])
  }
})

test('a name that fits several VMs, or none: exit 2, with those that fit', async () => {
  const several = await run('ps', 'twin')
  expect(several.code).toBe(2)
  expect(several.err).toContain('"twin" fits several VMs')
  expect(several.err).toContain(dead.uuid)
  const none = await run('ps', 'nobody')
  expect(none.code).toBe(2)
  expect(none.err).toContain('has the uuid or name "nobody"')
  expect((await run('frobnicate')).code).toBe(2)
})

test('XAPI is away: exit 1, and it says so', async () => {
  const { faults } = world.pool.hosts[0]!
  await faults.refuse()
  const { code, err } = await run('status')
  await faults.clear()
  expect(code).toBe(1)
  expect(err).toMatch(/^xscontainer: .*XAPI.*\. .+\n$/)
})
