import { createPrivateKey, createPublicKey } from 'node:crypto'
import { expect, test } from 'vitest'
import { generatePoolKey } from '../../src/provision/ssh-key.ts'
import { parsePrivateKey } from '../../src/transports/ssh/ssh-key.ts'

test('the new pair is RSA 4096 in the form the predecessor reads, and both halves belong together', async () => {
  const { privatePem, publicLine } = await generatePoolKey()
  expect(privatePem).toMatch(/^-----BEGIN RSA PRIVATE KEY-----\n/)
  expect(createPublicKey(createPrivateKey(privatePem)).asymmetricKeyDetails?.modulusLength).toBe(4096)
  expect(publicLine).toMatch(/^ssh-rsa AAAAB3NzaC1yc2E[A-Za-z0-9+/=]+ xscontainer$/)
  expect(parsePrivateKey(privatePem).publicLine).toBe(publicLine)
})
