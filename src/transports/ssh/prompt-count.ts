/** SSH_MSG_USERAUTH_INFO_REQUEST; the same number stands for answers to other methods. */
const INFO_REQUEST = 60

/**
 * How many questions a payload announces that may be an INFO_REQUEST (RFC 4256, 3.2: name, instruction and language as
 * strings with a 32-bit length, then their number); 0 where there is none. What else has this number is shorter.
 */
export function promptCount(payload: Buffer): number {
  if (payload[0] !== INFO_REQUEST) return 0
  let at = 1
  for (let strings = 0; strings < 3; strings++) {
    if (at + 4 > payload.length) return 0
    at += 4 + payload.readUInt32BE(at)
  }
  return at + 4 > payload.length ? 0 : payload.readUInt32BE(at)
}
