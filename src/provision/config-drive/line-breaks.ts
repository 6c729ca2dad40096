/** The template of a client's `configuration` argument: clients write the literal `%BR%` where a line ends (CRLF). */
export function withLineBreaks(configuration: string): string {
  return configuration.replaceAll('%BR%', '\r\n')
}
