import { describe, expect, it } from 'vitest'
import { chooseApiVersion, isAtLeast, productOf } from '../../src/engine/api-version.ts'

describe('chooseApiVersion', () => {
  it.each([
    ['Docker 1.12', { ApiVersion: '1.24' }, '1.24'],
    ['Docker 17.03', { ApiVersion: '1.27', MinAPIVersion: '1.12' }, '1.27'],
    ['Docker 20.10', { ApiVersion: '1.41', MinAPIVersion: '1.12' }, '1.41'],
    ['Docker 25', { ApiVersion: '1.44', MinAPIVersion: '1.24' }, '1.44'],
    ['Docker 29', { ApiVersion: '1.52', MinAPIVersion: '1.44' }, '1.52'],
    ['Podman 4', { ApiVersion: '1.41', MinAPIVersion: '1.24' }, '1.41'],
    ['a newer one that still speaks ours', { ApiVersion: '1.60', MinAPIVersion: '1.44' }, '1.52'],
    ['a newer one that no longer does', { ApiVersion: '1.70', MinAPIVersion: '1.60' }, '1.60'],
    ['a major step', { ApiVersion: '2.1', MinAPIVersion: '2.0' }, '2.0'],
    ['a floor above its own ceiling', { ApiVersion: '1.41', MinAPIVersion: '1.45' }, '1.41'],
    ['a floor that is garbage', { ApiVersion: '1.41', MinAPIVersion: 7 }, '1.41'],
  ])('%s', (_engine, document, version) => {
    expect(chooseApiVersion(document)).toBe(version)
  })

  it.each(['1.23', '1.9', '1.18', '0.99'])('refuses an engine that speaks %s only', (ApiVersion) => {
    expect(() => chooseApiVersion({ ApiVersion })).toThrow(
      `The container engine speaks API ${ApiVersion} only, which is older than Docker 1.12`,
    )
  })

  it.each([undefined, null, 1.41, '', 'v1.41', '1.41.0', '1e3', '99999.1', '../../x'])('refuses %j', (ApiVersion) => {
    expect(() => chooseApiVersion({ ApiVersion })).toThrow('is not an engine version document')
  })
})

describe('productOf', () => {
  it.each([
    ['docker', {}],
    ['docker', { Components: null }],
    ['docker', { Components: [null, 'x', { Name: 7 }] }],
    ['docker', { Components: [{ Name: 'Engine' }, { Name: 'containerd' }, { Name: 'runc' }] }],
    ['podman', { Components: [{ Name: 'Podman Engine' }, { Name: 'Conmon' }, { Name: 'OCI Runtime (crun)' }] }],
  ])('%s from %j', (product, document) => {
    expect(productOf(document)).toBe(product)
  })
})

describe('isAtLeast', () => {
  it.each([
    ['1.41', true],
    ['1.52', true],
    ['2.0', true],
    ['1.40', false],
    ['1.9', false],
    ['', false],
  ])('%s is at least 1.41: %s', (version, yes) => expect(isAtLeast(version, 1, 41)).toBe(yes))
})
