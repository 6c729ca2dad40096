import { XMLParser } from 'fast-xml-parser'

export type PublishedProcess = Readonly<Record<string, string>>

/** A container of a `docker_top` document. */
export interface PublishedTop {
  readonly container: string
  readonly processes: readonly PublishedProcess[]
}

/** What a client's parser makes of a `docker_top` document; undefined when the container is not in it. */
export function publishedTop(xml: string | undefined, name: string): PublishedTop | undefined {
  if (xml === undefined) return undefined
  const lists = ['docker_top.item', 'docker_top.item.processes.item']
  const parser = new XMLParser({ parseTagValue: false, isArray: (_name, path) => lists.includes(String(path)) })
  const { docker_top } = parser.parse(xml) as { docker_top: { item?: Item[] } | '' }
  const found = docker_top === '' ? undefined : docker_top.item?.find((item) => item.names === name)
  if (found === undefined) return undefined
  const processes = found.processes === '' ? [] : found.processes.item.map(({ Process }) => Process)
  return { container: found.container, processes }
}

interface Item {
  readonly container: string
  readonly names: string
  readonly processes: { readonly item: { readonly Process: PublishedProcess }[] } | ''
}
