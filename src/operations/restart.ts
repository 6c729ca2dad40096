import { lifecycle } from './lifecycle.ts'

export const restart = lifecycle('restart')
