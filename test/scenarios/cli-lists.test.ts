import { afterAll, beforeAll, expect, test } from 'vitest'
import { cliOn, type RunCli } from './run-cli.ts'
import { installPlugin, untilDaemonsListen } from './plugin-clients.ts'
import { World, type WorldGuest } from './world.ts'

const NASTY = 'evil \u001b]0;owned\u0007\u001b[31mred\u009b2J'

let world: World
let shop: WorldGuest
let dead: WorldGuest
let far: WorldGuest
let run: RunCli
beforeAll(async () => {
  world = await World.start({ hosts: 2 })
  for (const host of world.pool.hosts) await world.startDaemon(host)
  installPlugin(world)
  run = cliOn(world)
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
  await world.addGuest({ name: NASTY, powerState: 'Halted' })
  for (const guest of [shop, far]) await world.untilMonitored(guest)
  await world.untilFailed(dead, /No SSH server/)
  await untilDaemonsListen(world)
})
afterAll(() => world.stop())

test('status: one line per VM of this host and of none, with the state and its cause', async () => {
  const { code, out, err } = await run(['status'])
  expect([code, err]).toEqual([0, ''])
  const [table = '', spent] = out.split('\n\n')
  expect(spent).toMatch(
    /^XAPI writes by this host's monitor: \d+ in the last minute, \d+ in the last hour \([\d.]+ MB\); at most 400 per second; 0 VMs wait\n$/,
  )
  const lines = table.split('\n')
  expect(lines[0]).toMatch(/^UUID +VM +HOST +ENGINE +CONTAINERS +LISTED +RECONNECTS +WRITES +STATUS$/)
  expect(lines).toHaveLength(5)
  expect(out).toMatch(
    new RegExp(`${shop.uuid.slice(0, 8)}  shop +sim-host-1 +Docker [\\d.]+ +3 +[\\d.]+ s +0 +\\d+ +monitored since`),
  )
  expect(out).toMatch(/twin +sim-host-1 +- +- +- .*failed since .*No SSH server listens at 127\.44\.44\.44/)
  expect(out).toMatch(/twin +- +- .*not monitored: the VM is halted/)
  expect((await run(['status', '--pool'])).out).toMatch(/far +sim-host-2 +Docker [\d.]+ +1 .*monitored since/)
})

test('status --json', async () => {
  const { out } = await run(['status', '--json', '--pool'])
  const vms = JSON.parse(out) as { name: string; uuid: string; status: string; writes: number | null }[]
  expect(vms.map(({ name }) => name)).toEqual([NASTY, 'far', 'shop', 'twin', 'twin'])
  expect(vms.find(({ name }) => name === 'shop')).toMatchObject({
    uuid: shop.uuid,
    host: 'sim-host-1',
    power_state: 'Running',
    state: 'monitored',
    address: shop.sim.address,
    transport: 'stream-local',
    containers: 3,
    reconnects: 0,
    status: world.status(shop),
  })
  expect(vms.find(({ name }) => name === 'far')?.writes).toBeGreaterThan(0)
  expect(vms.find(({ uuid }) => uuid === dead.uuid)).toMatchObject({ state: 'failed', cause: /No SSH server/ })
})

test('ps: the running containers of this host, all of them with -a, those of the pool with --pool', async () => {
  const { code, out, err } = await run(['ps'])
  expect([code, err]).toEqual([0, ''])
  expect(out).toMatch(/shop +\w{10} +nginx:1\.27 .* Up +0\.0\.0\.0:8080->80\/tcp +web/)
  expect(out).not.toContain('done')
  expect(out).not.toContain('far')
  expect((await run(['ps', '-a'])).out).toMatch(/Exited \(3\) +done/)
  expect((await run(['ps', '--pool'])).out).toMatch(/far .* db/)
})

test('ps shows what came a moment ago', async () => {
  far.engine.run({ name: 'new' })
  await world.until('it is there', () => 'new' in world.containers(far))
  expect((await run(['ps', 'far'])).out).toMatch(/far .* new\n/)
})

test('ps of one VM: by name, by uuid, by its beginning, on any host; as JSON', async () => {
  for (const word of ['far', far.uuid, far.uuid.slice(0, 13)]) {
    const { code, out } = await run(['ps', word, '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(out)).toContainEqual(
      expect.objectContaining({ vm: far.uuid, vm_name: 'far', names: 'db', status: 'Up' }),
    )
  }
})

test.each([['status'], ['ps', '-a'], ['ps', 'evil'], ['status', '--json'], ['watch'], ['doctor'], ['doctor', NASTY]])(
  'nothing that guests or users chose steers the terminal: %j %j',
  async (...words) => {
    const { out, err } = await run(words)
    expect(out + err).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
    expect(out + err).not.toBe('')
  },
)

test('a name that fits several VMs, or none: exit 2, with those that fit', async () => {
  for (const verb of [['ps'], ['stats'], ['doctor'], ['register'], ['top'], ['watch']]) {
    const several = await run([...verb, 'twin'])
    expect(several.code).toBe(2)
    expect(several.out).toBe('')
    expect(several.err).toContain('"twin" fits several VMs')
    expect(several.err).toContain(`\n  ${dead.uuid} twin\n`)
  }
  for (const words of [
    ['ps', 'nobody'],
    ['stop', 'nobody', 'web'],
    ['exec', 'nobody', 'web', 'ls'],
  ]) {
    const none = await run(words)
    expect(none.code).toBe(2)
    expect(none.err).toContain('"nobody"')
  }
  expect((await run(['frobnicate'])).code).toBe(2)
})

test('XAPI is away: exit 1, and it says so', async () => {
  const { faults } = world.pool.hosts[0]!
  await faults.refuse()
  const { code, err } = await run(['status'])
  await faults.clear()
  expect(code).toBe(1)
  expect(err).toMatch(/^xscontainer: .*XAPI.*\. .+\n$/)
})
