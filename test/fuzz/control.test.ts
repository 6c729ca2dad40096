import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DiagnosedError, RefusedError } from '../../src/base/errors.ts'
import { encodeFrame, readFrames, readJson, type Frame } from '../../src/control/frame.ts'
import { fromControlError, toControlError } from '../../src/control/wire-error.ts'
import { holds } from './holds.ts'
import { anyJson, anyText, bent, chunked, cuts, thrownBy } from './inputs.ts'

const MOST = 500

async function framesIn(bytes: Buffer, sizes: readonly number[]): Promise<{ frames: Frame[]; error: unknown }> {
  const frames: Frame[] = []
  const source = (async function* () {
    yield* chunked(bytes, sizes)
  })()
  const error = await thrownBy(async () => {
    for await (const { type, data } of readFrames(source, MOST)) frames.push({ type, data: Buffer.from(data) })
  })
  return { frames, error }
}

test('frames come as they were sent, however the bytes are cut', async () => {
  const frame = fc.record({
    type: fc.integer({ min: 0, max: 255 }),
    data: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
  })
  await holds(
    fc.asyncProperty(fc.array(frame, { maxLength: 6 }), cuts, async (sent, sizes) => {
      const bytes = Buffer.concat(sent.map(({ type, data }) => encodeFrame(type, data)))
      expect(await framesIn(bytes, sizes)).toEqual({ frames: sent, error: undefined })
    }),
    { numRuns: 70 },
  )
})

test('whatever bytes come: frames within the limit, or a refusal', async () => {
  await holds(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), cuts, async (noise, sizes) => {
      const { frames, error } = await framesIn(Buffer.from(noise), sizes)
      for (const { data } of frames) expect(data.length).toBeLessThanOrEqual(MOST)
      if (error !== undefined) expect(error).toBeInstanceOf(RefusedError)
    }),
    { numRuns: 100 },
  )
})

test('whatever message comes: an object, or a refusal; whatever failure: a diagnosed error', async () => {
  const failure = { type: 'RefusedError', transient: false, diagnosis: { kind: 'k', cause: 'c', cure: 'd' } }
  await holds(
    fc.asyncProperty(
      fc.oneof(
        anyJson.map((json) => JSON.stringify(json)),
        anyText,
      ),
      bent(failure),
      async (text, any) => {
        const error = await thrownBy(() => expect(typeof readJson(Buffer.from(text))).toBe('object'))
        if (error !== undefined) expect(error).toBeInstanceOf(RefusedError)
        const made = fromControlError(any)
        expect(made).toBeInstanceOf(DiagnosedError)
        // What crossed once crosses again unchanged.
        expect(fromControlError(toControlError(made)).diagnosis).toEqual(made.diagnosis)
      },
    ),
    { numRuns: 100 },
  )
})
