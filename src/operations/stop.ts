import { lifecycle } from './lifecycle.ts'

export const stop = lifecycle('stop')
