import type { Behaviour } from '../faults.ts'
import { acceptAndClose } from './accept-and-close.ts'
import { cutReply } from './cut-reply.ts'
import { deepJson } from './deep-json.ts'
import { endlessBanner } from './endless-banner.ts'
import { endlessEventLine } from './endless-event-line.ts'
import { endlessHeaders } from './endless-headers.ts'
import { eventFlood } from './event-flood.ts'
import { halfEvents } from './half-events.ts'
import { hostileNames } from './hostile-names.ts'
import { htmlEngine } from './html-engine.ts'
import { hugeList } from './huge-list.ts'
import { hugeReply } from './huge-reply.ts'
import { hugeStrings } from './huge-strings.ts'
import { keyNotInstalled } from './key-not-installed.ts'
import { labelEntry } from './label-entry.ts'
import { namelessContainers } from './nameless-containers.ts'
import { negativeContentLength } from './negative-content-length.ts'
import { noDocker } from './no-docker.ts'
import { noStreamLocal } from './no-stream-local.ts'
import { noTools } from './no-tools.ts'
import { serverError } from './server-error.ts'
import { silentChannel } from './silent-channel.ts'
import { silentEngine } from './silent-engine.ts'
import { slowReply } from './slow-reply.ts'
import { socketForbidden } from './socket-forbidden.ts'
import { stalledHandshake } from './stalled-handshake.ts'
import { truncatedJson } from './truncated-json.ts'
import { unknownChannelType } from './unknown-channel-type.ts'
import { wrongUser } from './wrong-user.ts'

/** Every fault that a guest can have, with its usual settings. Each `summary` says what a client meets. */
export const BEHAVIOURS: readonly Behaviour[] = [
  // The way to the guest
  acceptAndClose(),
  endlessBanner(),
  stalledHandshake('connected'),
  stalledHandshake('greeted'),
  stalledHandshake('offered'),
  stalledHandshake('encrypted'),
  stalledHandshake('login'),
  // Logging in
  keyNotInstalled(),
  wrongUser(),
  // The way to the engine
  noStreamLocal(),
  unknownChannelType(),
  noTools(),
  noDocker(),
  socketForbidden(),
  silentChannel(),
  // What the engine answers
  htmlEngine(),
  truncatedJson(),
  cutReply(),
  hugeReply(),
  slowReply(),
  silentEngine(),
  serverError(),
  deepJson(),
  endlessHeaders(),
  negativeContentLength(),
  // Its events
  endlessEventLine(),
  eventFlood(),
  halfEvents(),
  // Its containers
  hostileNames(),
  hugeStrings(),
  labelEntry(),
  namelessContainers(),
  hugeList(),
]

/** The behaviour of this name, or an error that names all. */
export function behaviourNamed(name: string): Behaviour {
  const found = BEHAVIOURS.find((behaviour) => behaviour.name === name)
  if (found) return found
  throw new Error(`No behaviour ${name}; there are ${BEHAVIOURS.map((each) => each.name).join(', ')}`)
}
