/** What a template is to the guest that reads it. */
export interface TemplateKind {
  /**
   * `cloud-config`: YAML; `archive`: a YAML list of such; `json`: Ignition's; `script`: run by the guest, so that its
   * lines must end as Unix' do; `other`: taken as it is.
   */
  readonly format: 'cloud-config' | 'archive' | 'json' | 'script' | 'other'
  /** Where it begins: byte order mark and empty lines before are not for the guest. */
  readonly start: number
  /** Where what is parsed begins. */
  readonly body: number
}

/** How cloud-init knows its formats (cloudinit/handlers: INCLUSION_TYPES_MAP), longest first; letter case is free. */
const HEADERS: readonly (readonly [RegExp, TemplateKind['format']])[] = [
  [/^#cloud-config-archive\b/i, 'archive'],
  [/^#cloud-config-jsonp\b/i, 'other'],
  [/^#cloud-config(?![\w-])/i, 'cloud-config'],
  [/^#(?:cloud-boothook|upstart-job|part-handler)\b/i, 'script'],
  [/^#include(?:-once)?(?![\w-])/i, 'other'],
  [/^#!/, 'script'],
]
const JINJA = /^##\s*template:\s*jinja\b.*\r?\n?/i
const IGNITION = /^#ignition\b.*(?:\r?\n|$)/i
/** Where cloud-init looks for it (cloudinit/user_data.py, convert_string). */
const MIME_WITHIN = 4096

/** undefined: nothing that a guest would understand. */
export function kindOf(template: string): TemplateKind | undefined {
  const start = /^[\uFEFF\s]*/.exec(template)?.[0].length ?? 0
  const text = template.slice(start)
  const ignition = IGNITION.exec(text)
  if (ignition !== null) return { format: 'json', start, body: start + ignition[0].length }
  if (text.startsWith('{')) return { format: 'json', start, body: start }
  const jinja = JINJA.exec(text)
  if (jinja !== null) {
    // What Jinja makes of it is known in the guest only.
    const inner = kindOf(text.slice(jinja[0].length))
    const known = inner !== undefined && inner.format !== 'json'
    return known ? { format: inner.format === 'script' ? 'script' : 'other', start, body: start } : undefined
  }
  if (isMime(text)) return { format: 'other', start, body: start }
  const format = HEADERS.find(([header]) => header.test(text))?.[1]
  return format === undefined ? undefined : { format, start, body: start }
}

function isMime(text: string): boolean {
  return /^[\w-]+:|^From /.test(text) && /^mime-version:/im.test(text.slice(0, MIME_WITHIN))
}
