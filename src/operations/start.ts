import { lifecycle } from './lifecycle.ts'

export const start = lifecycle('start')
