import { cleanForTerminal } from '../../base/text.ts'
import type { DiagnoseReport, DiagnoseStep } from '../../operations/diagnose.ts'
import { ask } from './ask.ts'
import type { CliContext } from './context.ts'
import { isRecord, parsed, text } from './json-reply.ts'
import { jsonText, table } from './table.ts'
import { EXIT, type Verb } from './verb.ts'
import type { CliVm } from './vms.ts'

/** Walks the way to a VM's containers, or looks over this host's set-up, and says where it ends and what to do. */
export const doctor: Verb = async (context, { args: [word], options }) => {
  const report = word === undefined ? await ofHost(context) : await ofVm(context, await context.vm(word, true))
  context.io.out(options['json'] === true ? jsonText(report) : reportText(report))
  return report.ok ? EXIT.done : EXIT.failed
}

/** A VM of this host by a connection of our own, so that the path is proven with and without the monitor. */
async function ofVm(context: CliContext, vm: CliVm): Promise<DiagnoseReport> {
  if (vm.residentOn !== undefined && !vm.here) return readReport(await ask(context, vm, 'diagnose'))
  const [{ diagnoseVm }, { findThisHost }, session, config] = await Promise.all([
    import('../doctor/diagnose-vm.ts'),
    import('../this-host.ts'),
    context.session(),
    context.config(),
  ])
  const myHost = await findThisHost(session, config.xapi.inventory, context.signal)
  return diagnoseVm({ clock: context.clock, session, config, myHost }, vm.uuid, context.signal)
}

async function ofHost(context: CliContext): Promise<DiagnoseReport> {
  const { diagnoseHost } = await import('../doctor/diagnose-host.ts')
  return diagnoseHost(context, context.signal)
}

/** The report as lines: one per step, with cause and cure below the one that failed. */
export function reportText({ subject, steps, ok }: DiagnoseReport): string {
  const head = Object.entries(subject).flatMap(([key, value]) =>
    value === null ? [] : [`${key.padEnd(8)}${cleanForTerminal(value)}\n`],
  )
  const rows = steps.map(({ title, state, ms, detail, diagnosis }) => [
    MARKS[state],
    title,
    ms === null ? '-' : `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`,
    diagnosis === null ? detail : `${diagnosis.cause}. ${diagnosis.cure}`,
  ])
  const failed = steps.filter(({ state }) => state === 'failed').length
  const end = ok ? 'All is well.' : `${failed} ${failed === 1 ? 'step' : 'steps'} failed.`
  return `${head.join('')}${table(['STATE', 'STEP', 'TIME', 'FOUND'], rows)}${end}\n`
}

const MARKS: Readonly<Record<DiagnoseStep['state'], string>> = { ok: 'ok', failed: 'FAILED', skipped: 'skipped' }

/** The report of another host, which may run another version. */
export function readReport(json: string): DiagnoseReport {
  const report = parsed(json)
  const steps: unknown[] = isRecord(report) && Array.isArray(report['steps']) ? report['steps'] : []
  const subject = isRecord(report) && isRecord(report['subject']) ? report['subject'] : {}
  return {
    ok: isRecord(report) && report['ok'] === true,
    subject: Object.fromEntries(Object.entries(subject).map(([key, value]) => [key, text(value) || null])),
    steps: steps.filter(isRecord).map(readStep),
  }
}

function readStep(step: Readonly<Record<string, unknown>>): DiagnoseStep {
  const { name, title, state, ms, detail, diagnosis } = step
  return {
    name: text(name),
    title: text(title),
    state: state === 'ok' || state === 'failed' ? state : 'skipped',
    ms: typeof ms === 'number' ? ms : null,
    detail: text(detail),
    diagnosis: isRecord(diagnosis)
      ? { kind: text(diagnosis['kind']), cause: text(diagnosis['cause']), cure: text(diagnosis['cure']) }
      : null,
  }
}
