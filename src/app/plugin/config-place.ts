/** Where the configuration is, and whether somebody named it. */
export interface ConfigPlace {
  readonly path: string
  readonly mustExist: boolean
}

/** The place that $XSCONTAINER_CONFIG names, else the one of config.ts, which takes long to load. */
export function configPlace(env: Readonly<Record<string, string | undefined>>): ConfigPlace {
  const named = env['XSCONTAINER_CONFIG']
  return { path: named ?? '/etc/xscontainer/xscontainer.toml', mustExist: named !== undefined }
}
