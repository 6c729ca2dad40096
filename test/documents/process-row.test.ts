import { describe, expect, it } from 'vitest'
import { cpuSeconds, readProcesses } from '../../src/documents/process-row.ts'
import { processes } from '../observations/support.ts'

describe('cpuSeconds', () => {
  it.each([
    ['00:00:00', 0],
    ['00:01:05', 65],
    ['1-02:03:04', 93_784],
    ['123-00:00:00', 10_627_200],
    ['0:00', 0],
    ['75:10', 4510],
    ['00:00:00.171', 0.171],
    ['2h15', 8100],
    ['1d03', 97_200],
    ['0s', 0],
    ['1m2.5s', 62.5],
    ['1h2m3s', 3723],
    ['-', undefined],
    ['', undefined],
    ['?', undefined],
    ['12', undefined],
    ['s', undefined],
    ['1:2:3:4', undefined],
    ['9'.repeat(30) + ':00', undefined],
  ])('%j is %j', (text, seconds) => {
    expect(cpuSeconds(text)).toBe(seconds)
  })
})

const one = (titles: string[], cells: string[]) => readProcesses({ titles, processes: [cells] }, 10)[0]

describe('readProcesses', () => {
  it('reads ps -ef as Docker gives it', () => {
    expect(readProcesses(processes('docker'), 10)[1]).toEqual({
      pid: '226',
      ppid: '198',
      user: 'root',
      time: '00:00:00',
      seconds: 0,
      cmd: 'sleep 3600',
    })
  })

  it('reads what Podman gives for the columns that are named to it', () => {
    expect(readProcesses(processes('podman'), 10)[1]).toEqual({
      pid: '6',
      ppid: '1',
      user: 'root',
      time: '00:00:00',
      seconds: 0,
      cmd: 'sleep 3600',
    })
  })

  it('writes days and fractions in one form', () => {
    expect(one(['TIME'], ['1-02:03:04'])).toMatchObject({ time: '01-02:03:04', seconds: 93_784 })
    expect(one(['TIME'], ['1m2.5s'])).toMatchObject({ time: '00:01:02', seconds: 62.5 })
  })

  it('reads Windows', () => {
    const titles = ['Name', 'PID', 'CPU', 'Private Working Set']
    expect(one(titles, ['smss.exe', '5336', '00:00:01.171', '241.7kB'])).toEqual({
      pid: '5336',
      ppid: '-',
      user: '-',
      time: '00:00:01',
      seconds: 1.171,
      cmd: 'smss.exe',
    })
  })

  it('reads a busybox host', () => {
    expect(one(['PID', 'USER', 'TIME', 'COMMAND'], ['1', 'root', '0:03', 'sh'])).toMatchObject({
      user: 'root',
      time: '00:00:03',
      cmd: 'sh',
    })
  })

  it('never gives an empty text', () => {
    const none = { pid: '-', ppid: '-', user: '-', time: '-', seconds: undefined, cmd: '-' }
    expect(one([], [])).toEqual(none)
    expect(one(['PID', 'TIME', 'CMD'], ['', ' \n', '\t'])).toEqual(none)
    expect(one(['PID', 'CMD'], ['1'])).toEqual({ ...none, pid: '1' })
  })

  it('keeps a time that it does not understand', () => {
    expect(one(['TIME'], ['soon'])).toMatchObject({ time: 'soon', seconds: undefined })
  })

  it('bounds texts and the number of processes', () => {
    const processes = Array.from({ length: 1000 }, () => ['x'.repeat(9000)])
    const rows = readProcesses({ titles: ['CMD'], processes }, 100)
    expect([rows.length, rows[0]?.cmd.length]).toEqual([100, 256])
  })
})
