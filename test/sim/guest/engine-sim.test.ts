import type Docker from 'dockerode'
import { beforeEach, describe, expect, test } from 'vitest'
import { FakeClock, settle } from '../../fakes/fake-clock.ts'
import { ago } from './container-json.ts'
import { engineStream } from './engine-bridge.ts'
import { EngineSim, type EngineOptions } from './engine-sim.ts'
import { FLAVOURS, type FlavourName } from './engine-flavour.ts'
import { clockTime } from './engine-top.ts'
import { dockerOn, readAll } from './peers.ts'

let clock: FakeClock

beforeEach(() => {
  clock = new FakeClock(Date.UTC(2026, 10, 22, 10))
})

function engineWith(options: EngineOptions = {}): EngineSim {
  return new EngineSim({ clock, ...options })
}

function dockerode(engine: EngineSim, version?: string): Docker {
  return dockerOn(() => engineStream(engine), version)
}

interface Reply {
  status: number
  headers: Record<string, string>
  body: string
}

async function ask(engine: EngineSim, line: string): Promise<Reply> {
  const stream = engineStream(engine)
  stream.write(`${line} HTTP/1.1\r\nHost: engine\r\nConnection: close\r\n\r\n`)
  const [head = '', body = ''] = (await readAll(stream)).split(/\r\n\r\n([^]*)/)
  const [first = '', ...fields] = head.split('\r\n')
  const headers = fields.map((field) => field.split(/: (.*)/).slice(0, 2) as [string, string])
  return { status: Number(first.split(' ')[1]), headers: Object.fromEntries(headers), body }
}

/** An event stream and the lines it has brought. */
function listen(engine: EngineSim, path = '/events'): { lines: string[]; text: () => string } {
  const stream = engineStream(engine)
  let text = ''
  stream.on('data', (data: Buffer) => (text += data.toString()))
  stream.write(`GET ${path} HTTP/1.0\r\n\r\n`)
  return {
    text: () => text,
    get lines() {
      return text.split('\r\n\r\n').slice(1).join('').split('\n').filter(Boolean)
    },
  }
}

function actions(lines: readonly string[]): unknown[] {
  return lines.map((line) => (JSON.parse(line) as { Action: unknown }).Action)
}

describe('the list', () => {
  test('has the members and words of the real engine, newest first', async () => {
    const engine = engineWith({
      containers: [
        {
          name: 'web',
          image: 'nginx:1.27',
          command: 'nginx -g daemon off;',
          ageMs: 190_000,
          health: 'healthy',
          labels: { 'com.docker.compose.project': 'shop' },
          ports: [{ privatePort: 80, publicPort: 8080 }, { privatePort: 443 }],
          mounts: [{ type: 'volume', name: 'data', source: '/v/data', destination: '/data', rw: false }],
        },
        { name: 'job', state: 'exited', exitCode: 137, ports: [{ privatePort: 1 }] },
      ],
    })
    await clock.advance(2 * 3_600_000)
    const [job, web] = await dockerode(engine).listContainers({ all: true })
    expect(web).toEqual({
      Id: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      Names: ['/web'],
      Image: 'nginx:1.27',
      ImageID: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as string,
      Command: 'nginx -g daemon off;',
      Created: Date.UTC(2026, 10, 22, 10) / 1000 - 190,
      Ports: [
        { IP: '0.0.0.0', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' },
        { PrivatePort: 443, Type: 'tcp' },
      ],
      Labels: { 'com.docker.compose.project': 'shop' },
      State: 'running',
      Status: 'Up 2 hours (healthy)',
      HostConfig: { NetworkMode: 'default' },
      NetworkSettings: { Networks: { bridge: expect.objectContaining({ IPAddress: '172.17.0.2' }) as object } },
      Mounts: [
        {
          Type: 'volume',
          Name: 'data',
          Source: '/v/data',
          Destination: '/data',
          Driver: 'local',
          Mode: 'ro',
          RW: false,
          Propagation: '',
        },
      ],
    })
    expect(job).toMatchObject({ State: 'exited', Status: 'Exited (137) 2 hours ago', Ports: [] })
  })

  test('shows running and paused ones only unless asked for all, and takes filters and a limit', async () => {
    const engine = engineWith({
      containers: [{ name: 'a' }, { name: 'b', state: 'paused' }, { name: 'c', state: 'created' }],
    })
    const docker = dockerode(engine)
    const names = async (options: Docker.ContainerListOptions) =>
      (await docker.listContainers(options)).map((each) => each.Names[0])
    expect(await names({})).toEqual(['/b', '/a'])
    expect(await names({ all: true, limit: 2 })).toEqual(['/c', '/b'])
    expect(await names({ filters: { status: ['created'] } })).toEqual(['/c'])
    expect(await names({ filters: { name: ['a'] } })).toEqual(['/a'])
  })

  test.each([
    [0, 'Less than a second'],
    [1000, '1 second'],
    [59_999, '59 seconds'],
    [60_000, 'About a minute'],
    [180_000, '3 minutes'],
    [3_600_000, 'About an hour'],
    [7_200_000, '2 hours'],
    [49 * 3_600_000, '2 days'],
    [15 * 86_400_000, '2 weeks'],
    [61 * 86_400_000, '2 months'],
    [800 * 86_400_000, '2 years'],
  ])('words %d ms as %s', (ms, words) => expect(ago(ms)).toBe(words))
})

describe('what is done to containers', () => {
  test('start, stop, pause, kill, rename, remove: states, codes and events', async () => {
    const engine = engineWith({ listLagMs: false, containers: [{ name: 'web', labels: { team: 'x' } }] })
    const heard = listen(engine)
    await settle()
    const codes: number[] = []
    for (const step of [
      'stop',
      'stop',
      'start',
      'start',
      'pause',
      'pause',
      'start',
      'unpause',
      'unpause',
      'restart',
      'kill',
      'kill',
    ]) {
      codes.push((await ask(engine, `POST /v1.41/containers/web/${step}`)).status)
    }
    expect(codes).toEqual([204, 304, 204, 304, 204, 409, 409, 204, 500, 204, 204, 409])
    await ask(engine, 'POST /containers/web/rename?name=web2')
    expect((await ask(engine, 'DELETE /containers/web2')).status).toBe(204)
    expect((await ask(engine, 'GET /containers/web2/json')).status).toBe(404)
    expect(actions(heard.lines)).toEqual([
      ...['kill', 'die', 'stop', 'start', 'pause', 'unpause'],
      ...['kill', 'die', 'stop', 'start', 'restart', 'kill', 'die', 'rename', 'destroy'],
    ])
    const [, die] = heard.lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(die).toMatchObject({
      status: 'die',
      from: 'busybox:latest',
      Type: 'container',
      Actor: { Attributes: { exitCode: '137', image: 'busybox:latest', name: 'web', team: 'x' } },
      scope: 'local',
      time: clock.now() / 1000,
      timeNano: clock.now() * 1e6,
    })
    expect(die!['id']).toBe((die!['Actor'] as { ID: string }).ID)
  })

  test('refusals say what the real engine says', async () => {
    const engine = engineWith({ containers: [{ name: 'idle', state: 'created' }] })
    const { id } = engine.store.find('idle')
    const message = async (line: string) => JSON.parse((await ask(engine, line)).body) as unknown
    expect(await message('GET /containers/none/json')).toEqual({ message: 'No such container: none' })
    expect(await message('GET /containers/idle/top')).toEqual({ message: `Container ${id} is not running` })
    expect(await message('POST /containers/idle/kill')).toEqual({
      message: `Cannot kill container: idle: Container ${id} is not running`,
    })
    expect(await message('POST /containers/idle/unpause')).toEqual({ message: `Container ${id} is not paused` })
    expect(await message('GET /nope')).toEqual({ message: 'page not found' })
    expect(await message('GET /events?filters=bad')).toHaveProperty('message')
  })

  test('containers are found by id, prefix and name; an ambiguous prefix is 400', async () => {
    const ids = ['abc1'.padEnd(64, '0'), 'abc2'.padEnd(64, '0')]
    const engine = engineWith({
      containers: [
        { id: ids[0]!, name: 'one' },
        { id: ids[1]!, name: 'two' },
      ],
    })
    for (const key of [ids[0], 'abc1', 'one', '%2Fone']) {
      expect(JSON.parse((await ask(engine, `GET /containers/${key}/json`)).body)).toMatchObject({
        Id: ids[0],
        Name: '/one',
      })
    }
    expect((await ask(engine, 'GET /containers/abc/json')).status).toBe(400)
  })

  test.each([
    ['pause', 13, 'running', 'paused'],
    ['unpause', 13, 'paused', 'running'],
    ['end', 106, 'running', 'exited'],
  ] as const)('%s: the event comes %d ms before the list shows it', async (verb, lag, before, after) => {
    const engine = engineWith({ containers: [{ name: 'web', state: before }] })
    const heard = listen(engine)
    await settle()
    if (verb === 'end') engine.end('web', 1)
    else engine[verb]('web')
    await settle()
    const look = async () => (await dockerode(engine).listContainers({ all: true }))[0]!.State
    expect(actions(heard.lines)).toEqual([verb === 'end' ? 'die' : verb])
    expect(JSON.parse((await ask(engine, 'GET /containers/web/json')).body)).toMatchObject({ State: { Status: after } })
    await clock.advance(lag - 1)
    expect(await look()).toBe(before)
    await clock.advance(1)
    expect(await look()).toBe(after)
  })

  test('health is told by an event and in the status', async () => {
    const engine = engineWith({ containers: [{ name: 'web', health: 'starting' }] })
    const heard = listen(engine)
    await settle()
    expect((await dockerode(engine).listContainers())[0]!.Status).toBe('Up Less than a second (health: starting)')
    engine.setHealth('web', 'unhealthy')
    expect((await dockerode(engine).listContainers())[0]!.Status).toMatch(/\(unhealthy\)$/)
    expect(actions(heard.lines)).toEqual(['health_status: unhealthy'])
  })
})

describe('processes', () => {
  test('use CPU while the container runs, and none while it is paused', async () => {
    const processes = [
      { cpuRate: 0.5, cpuSeconds: 3600 },
      { user: 'app', command: 'worker --all', cpuRate: 2 },
    ]
    const engine = engineWith({ containers: [{ name: 'web', processes }] })
    const times = async () => {
      const top = (await dockerode(engine).getContainer('web').top()) as { Titles: string[]; Processes: string[][] }
      expect(top.Titles).toEqual(['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD'])
      return top.Processes.map((row) => row[6])
    }
    await clock.advance(10_000)
    expect(await times()).toEqual(['01:00:05', '00:00:20'])
    engine.pause('web')
    await clock.advance(60_000)
    engine.unpause('web')
    expect(await times()).toEqual(['01:00:05', '00:00:20'])
    engine.setCpuRate('web', 1)
    await clock.advance(1000)
    expect(await times()).toEqual(['01:00:06', '00:00:21'])
    engine.restart('web')
    expect(await times()).toEqual(['01:00:00', '00:00:00'])
  })

  test('ps_args choose the columns; without a PID there is an error', async () => {
    const engine = engineWith({ containers: [{ name: 'web', processes: [{ pid: 7, ppid: 1, cpuSeconds: 90_061.9 }] }] })
    const top = async (psArgs: string) => ask(engine, `GET /containers/web/top?ps_args=${encodeURIComponent(psArgs)}`)
    expect(JSON.parse((await top('-eo pid,ppid,user,times,args')).body)).toEqual({
      Titles: ['PID', 'PPID', 'USER', 'TIME', 'COMMAND'],
      Processes: [['7', '1', 'root', '90061', 'sleep 1000']],
    })
    expect(JSON.parse((await top('aux')).body)).toMatchObject({
      Processes: [['root', '7', '0.0', '0', '0', '0', '?', 'Ss', '10:00', '01-01:01:01', 'sleep 1000']],
    })
    expect(await top('-o user')).toMatchObject({
      status: 500,
      body: expect.stringContaining('find PID field') as string,
    })
  })

  test('CPU time is worded as ps does', () => {
    expect([59.9, 3600, 86_400 * 12 + 1].map(clockTime)).toEqual(['00:00:59', '01:00:00', '12-00:00:01'])
  })
})

describe('flavours', () => {
  test.each([
    ['docker-1.12', undefined],
    ['docker-20.10', '1.41'],
    ['docker-29', '1.52'],
    ['podman-4', '1.41'],
    ['podman-5', '1.41'],
    ['docker-windows', '1.41'],
  ] as const)('%s says who it is', async (name, apiHeader) => {
    const engine = engineWith({ flavour: name })
    const version = await dockerode(engine).version()
    const { api, minApi, product } = FLAVOURS[name]
    expect(version).toMatchObject({ ApiVersion: api, Version: FLAVOURS[name].version })
    if (name === 'docker-1.12') expect(version).not.toHaveProperty('Components')
    else expect(version).toMatchObject({ MinAPIVersion: minApi })
    if (product === 'podman') expect(version).toMatchObject({ Components: [{ Name: 'Podman Engine' }] })
    const ping = await ask(engine, 'GET /_ping')
    expect(ping).toMatchObject({ status: 200, body: 'OK' })
    expect(ping.headers['Api-Version']).toBe(apiHeader)
    expect(ping.headers['Server']).toBe(
      `${product === 'podman' ? 'Libpod' : 'Docker'}/${FLAVOURS[name].version} (${FLAVOURS[name].windows ? 'windows' : 'linux'})`,
    )
  })

  test.each([
    ['docker-1.12', '1.99', 'client is newer than server (client API version: 1.99, server API version: 1.24)'],
    ['docker-20.10', '1.99', 'client version 1.99 is too new. Maximum supported API version is 1.41'],
    [
      'docker-29',
      '1.43',
      'client version 1.43 is too old. Minimum supported API version is 1.44, please upgrade your client to a newer version',
    ],
  ] as const)('%s refuses API %s', async (name: FlavourName, api, message) => {
    const answer = await ask(engineWith({ flavour: name }), `GET /v${api}/info`)
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.body)).toEqual({ message })
  })

  test('Docker 20.10 refuses a very old client in plain text', async () => {
    const answer = await ask(engineWith(), 'GET /v1.2/info')
    expect(answer).toMatchObject({ status: 400, headers: { 'Content-Type': 'text/plain; charset=utf-8' } })
    expect(answer.body).toMatch(/^client version 1\.2 is too old/)
  })

  test('Podman takes any version', async () => {
    expect((await ask(engineWith({ flavour: 'podman-4' }), 'GET /v1.99/info')).status).toBe(200)
  })

  test.each([
    ['docker-1.12', '/v1.24/events', ['status', 'id', 'from', 'Type', 'Action', 'Actor', 'time', 'timeNano'], 'die'],
    [
      'docker-20.10',
      '/v1.41/events',
      ['status', 'id', 'from', 'Type', 'Action', 'Actor', 'scope', 'time', 'timeNano'],
      'die',
    ],
    ['docker-29', '/v1.52/events', ['Type', 'Action', 'Actor', 'scope', 'time', 'timeNano'], 'die'],
    [
      'docker-29',
      '/v1.51/events',
      ['status', 'id', 'from', 'Type', 'Action', 'Actor', 'scope', 'time', 'timeNano'],
      'die',
    ],
    [
      'podman-5',
      '/v1.41/events',
      ['status', 'id', 'from', 'Type', 'Action', 'Actor', 'scope', 'time', 'timeNano'],
      'died',
    ],
  ] as const)('%s events on %s', async (flavour, path, members, action) => {
    const engine = engineWith({ flavour, containers: [{ name: 'web' }] })
    const heard = listen(engine, path)
    await settle()
    engine.end('web', 3)
    await settle()
    const event = JSON.parse(heard.lines[0]!) as { Actor: { Attributes: object } }
    expect(Object.keys(event)).toEqual(members)
    expect(event).toMatchObject({ Action: action })
    expect(event.Actor.Attributes).toHaveProperty(flavour === 'podman-5' ? 'containerExitCode' : 'exitCode', '3')
  })

  test('Podman: no headers before the first event, no health, errors with a cause, an empty top', async () => {
    const engine = engineWith({
      flavour: 'podman-5',
      containers: [
        { name: 'web', health: 'healthy' },
        { name: 'idle', state: 'created' },
      ],
    })
    const heard = listen(engine)
    await settle()
    expect([engine.eventStreams, heard.text()]).toEqual([1, ''])
    engine.pause('web')
    await settle()
    expect(heard.text()).toMatch(/^HTTP\/1\.1 200 OK/)
    const [, web] = await dockerode(engine).listContainers({ all: true })
    expect(web).toMatchObject({ State: 'paused', Status: 'Up Less than a second (Paused)' })
    expect(web).not.toHaveProperty('HostConfig')
    expect(await ask(engine, 'GET /containers/idle/top')).toMatchObject({ status: 200, body: '0\r\n\r\n' })
    const missing = await ask(engine, 'POST /containers/no/start')
    expect([missing.status, JSON.parse(missing.body)]).toEqual([
      404,
      {
        cause: 'no such container',
        message: 'no container with name or ID "no" found: no such container',
        response: 404,
      },
    ])
    expect((await ask(engine, 'POST /containers/idle/pause')).status).toBe(500)
  })

  test('Docker sends the headers of /events at once', async () => {
    const heard = listen(engineWith())
    await settle()
    expect(heard.text()).toMatch(/^HTTP\/1\.1 200 OK[^]*\r\n\r\n$/)
  })

  test('Docker 29 tells health in the list', async () => {
    const engine = engineWith({ flavour: 'docker-29', containers: [{ name: 'web', health: 'unhealthy' }] })
    expect((await dockerode(engine).listContainers())[0]).toMatchObject({ Health: { Status: 'unhealthy' } })
  })

  test('Windows has other top titles', async () => {
    const engine = engineWith({
      flavour: 'docker-windows',
      containers: [{ name: 'w', processes: [{ pid: 4, command: 'smss', cpuSeconds: 0.187 }] }],
    })
    expect(JSON.parse((await ask(engine, 'GET /containers/w/top')).body)).toEqual({
      Titles: ['Name', 'PID', 'CPU', 'Private Working Set'],
      Processes: [['smss.exe', '4', '00:00:00.187', '212kB']],
    })
  })
})

describe('events', () => {
  test('filters, the past by since, and the end by until', async () => {
    const engine = engineWith()
    engine.run({ name: 'early' })
    await clock.advance(10_000)
    const past = Math.floor(clock.now() / 1000) - 60
    const until = Math.floor(clock.now() / 1000) + 5
    const filters = encodeURIComponent(JSON.stringify({ event: ['start'], type: { container: true } }))
    const heard = listen(engine, `/events?since=${past}&until=${until}&filters=${filters}`)
    await settle()
    engine.run({ name: 'late' })
    await settle()
    expect(
      heard.lines.map((line) => (JSON.parse(line) as { Actor: { Attributes: object } }).Actor.Attributes),
    ).toMatchObject([{ name: 'early' }, { name: 'late' }])
    expect(engine.eventStreams).toBe(1)
    await clock.advance(5000)
    expect(engine.eventStreams).toBe(0)
  })

  test('raw bytes and values reach every stream', async () => {
    const engine = engineWith()
    const heard = [listen(engine), listen(engine)]
    await settle()
    engine.emitEvent({ Type: 'daemon', Action: 'reload' })
    engine.emitEvent('{"half":')
    await settle()
    expect(heard.map((each) => each.lines)).toEqual(Array(2).fill(['{"Type":"daemon","Action":"reload"}', '{"half":']))
  })

  test('Docker tells of every look at the processes', async () => {
    const engine = engineWith({ containers: [{ name: 'web' }] })
    const heard = listen(engine)
    await settle()
    await ask(engine, 'GET /containers/web/top')
    expect(actions(heard.lines)).toEqual(['top'])
  })
})

describe('the engine itself', () => {
  test('a restart breaks connections and event streams; containers go on or end', async () => {
    const engine = engineWith({ listLagMs: false, containers: [{ name: 'web' }] })
    const stream = engineStream(engine)
    const broken = new Promise((resolve) => stream.on('close', () => resolve('closed')))
    stream.write('GET /events HTTP/1.1\r\nHost: x\r\n\r\n')
    await settle()
    expect([engine.eventStreams, engine.openConnections]).toEqual([1, 1])
    engine.restartEngine()
    expect(await broken).toBe('closed')
    expect([engine.eventStreams, engine.openConnections]).toEqual([0, 0])
    expect((await dockerode(engine).listContainers()).length).toBe(1)
    engine.restartEngine({ liveRestore: false })
    expect((await dockerode(engine).listContainers({ all: true }))[0]!.Status).toMatch(/^Exited \(255\)/)
  })

  test('requests are counted by path', async () => {
    const engine = engineWith()
    await ask(engine, 'GET /v1.41/containers/json?all=1')
    await ask(engine, 'GET /containers/json')
    expect([...engine.requests]).toEqual([['GET /containers/json', 2]])
    expect(engine.requestCount(/json$/)).toBe(2)
  })

  test('two engines of different names give different ids to the same containers', () => {
    const ids = ['a', 'b', 'a'].map((name) => engineWith({ name, containers: [{ name: 'web' }] }).store.find('web').id)
    expect(ids[0]).not.toBe(ids[1])
    expect(ids[0]).toBe(ids[2])
  })
})
