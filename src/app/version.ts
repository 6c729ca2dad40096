/** Set by the build from package.json. */
declare const XSCONTAINER_VERSION: string | undefined

export const VERSION: string = typeof XSCONTAINER_VERSION === 'string' ? XSCONTAINER_VERSION : 'unbuilt'
