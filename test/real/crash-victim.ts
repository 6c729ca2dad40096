import { RealDockerd } from './real-dockerd.ts'
import { RealGuest } from './real-guest.ts'

// Started and then killed by guest-end.test.ts: a test process that never gets to clean up.
const guest = await RealGuest.start()
const dockerd = await RealDockerd.start(guest)
await dockerd.containers.run({ name: 'orphan' })
await dockerd.containers.pause('orphan')
dockerd.freeze()
console.log(JSON.stringify({ dir: guest.dir, pids: guest.pids() }))
setInterval(() => undefined, 1000)
