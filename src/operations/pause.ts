import { lifecycle } from './lifecycle.ts'

export const pause = lifecycle('pause')
