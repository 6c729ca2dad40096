import { lifecycle } from './lifecycle.ts'

export const unpause = lifecycle('unpause')
