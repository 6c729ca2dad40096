/** The template for new container VMs where the administrator has not put one of his own. */
export const DEFAULT_TEMPLATE = '#cloud-config\n'
