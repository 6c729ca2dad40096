import type { World, WorldGuest } from '../../scenarios/world.ts'
import { guestNamed, NEWCOMER } from './demo-pool.ts'
import type { PoolView } from './pool-view.ts'
import * as happens from './scenes.ts'
import type { Scene } from './scenes.ts'

/** How long the story is when it is told at its own pace, seconds. */
export const STORY_S = 26
export const SHORT_STORY_S = 7

/** The whole story. Odd rounds move web-01 to the second host, even ones bring it back. */
export function story(world: World, view: PoolView, round: number): Scene[] {
  const { ci, db, edge, mail, web } = cast(world)
  return [
    ...(round > 1 ? [happens.deregister(world, mail, 0.2)] : []),
    happens.startJob(ci, 0.5),
    happens.pause(web, 'shop', 2.5),
    happens.registerWithoutKey(world, mail, 4),
    happens.unpause(web, 'shop', 5.5),
    happens.stop(edge, 'node-exporter', 7),
    happens.migrate(world, view, web, round, 8.5),
    happens.die(db, 10),
    happens.graceOver(view, db, 10.1),
    happens.busy(web, 'shop', 11.5),
    happens.installKey(world, mail, 13),
    happens.endJob(ci, 14.5),
    happens.reboot(world, db, 17),
    happens.start(edge, 'node-exporter', 18.5),
    happens.removeJob(ci, 20),
    happens.calm(web, 'shop', 21.5),
  ]
}

/** What fits into a few seconds: the guest is back before its grace is over. */
export function shortStory(world: World, view: PoolView): Scene[] {
  const { ci, db, edge, web } = cast(world)
  return [
    happens.startJob(ci, 0.2),
    happens.pause(web, 'shop', 0.6),
    happens.die(db, 1),
    happens.stop(edge, 'node-exporter', 1.6),
    happens.migrate(world, view, web, 1, 2.2),
    happens.reboot(world, db, 2.6),
    happens.endJob(ci, 3),
    happens.unpause(web, 'shop', 4.2),
    happens.start(edge, 'node-exporter', 4.8),
  ]
}

function cast(world: World) {
  const [ci, db, edge, mail, web] = ['ci-runner', 'db-01', 'flatcar-edge', NEWCOMER, 'web-01'].map((name) =>
    guestNamed(world, name),
  ) as [WorldGuest, WorldGuest, WorldGuest, WorldGuest, WorldGuest]
  return { ci, db, edge, mail, web }
}
