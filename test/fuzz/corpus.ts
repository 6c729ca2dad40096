/**
 * What broke something once, here or in the predecessor, or came close: each property that takes such input tries it
 * first. What a fuzzing run finds is added here, in its smallest form, together with what mends it.
 */
export const corpus = {
  /** To the reader of `/events`. */
  eventStreams: [
    // Cut within a character
    '{"Type":"container","Action":"start","Actor":{"ID":"\u{1F433}"}}\n',
    '{"Type":"container","Action":"health_status: healthy","Actor":{"ID":"a"}}\r\n\r\n',
    '{"status":"died","id":"a"}\n',
    '{"Action":"start"}{"Action":"die"}\n',
    '{"__proto__":{"Action":"start"}}\n[]\nnull\n"start"\n',
    '\uFEFF{"Action":"start"}\n',
  ],
  /** To an engine's client. */
  httpReplies: [
    // Node throws these where no promise sees it unless somebody listens
    'HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n',
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n',
    'HTTP/1.1 302 Found\r\nLocation: ssh://127.0.0.1/\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n[]',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n[]',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8000000000000000\r\n[]',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]HTTP/1.1 200 OK\r\n',
    'HTTP/1.1 204 No Content\r\n\r\n',
  ],
  /** To what makes `docker_ps` of a list. */
  lists: [
    // Each ended the predecessor's monitor of that VM, for good
    [{ Id: 'a', Labels: { '': 'x' } }],
    [{ Id: 'a', Command: 'sh -c \0\x1b[2J' }],
    [{ Id: 'a', Names: [] }],
    [{ Id: 'a', Names: ['/db', '/web/db'], Labels: JSON.parse('{"__proto__":{"entry":"x"}}') as unknown }],
    // A name of this list, and a label named as what clients take for a container
    [{ Id: 'entry', Names: ['/entry'], Labels: { entry: { entry: 'x' } }, Mounts: [{ entry: 1 }] }],
    [{ Id: ']]>', Names: [']]>]]>'], Command: '<![CDATA[&&&&]]>', Image: '\ud83d' }],
  ] as Record<string, unknown>[][],
  /** To what makes `docker_top` of a table. */
  tables: [
    { titles: ['PID', 'CMD'], processes: [['1', ''], [' ', '\t'], []] },
    { titles: [], processes: [['1']] },
    { titles: ['PID', 'USER', 'TIME', 'COMMAND'], processes: [['1', '\0', '99999999:99', '\u2028']] },
  ] as { titles: string[]; processes: string[][] }[],
  /** To the plugin. */
  methodCalls: [
    '',
    '<methodCall><methodName>x</methodName><params><param><value/></param></params></methodCall>',
    '<methodCall><!-- - -- --><methodName>a</methodName></methodCall>',
    `<methodCall><methodName>x</methodName><params><param><value>&#x110000;</value></param></params></methodCall>`,
  ],
  /** To the reader of the configuration. */
  configs: [
    '[__proto__]\nx = 1\n',
    '[control]\n__proto__ = 1\n',
    'log = 1\n',
    '[[log]]\nlevel = "info"\n',
    '[log]\nlevel = 99999999999999999999\n',
    '[guest]\nssh_port = 22.5\n',
  ],
  /** To what reads an engine's stats: text cannot be made of an object with such a member. */
  stats: [
    { blkio_stats: { io_service_bytes_recursive: [{ op: { toString: 0 }, value: 1 }] } },
    { read: { toString: 0 }, cpu_stats: { cpu_usage: { total_usage: 1 } } },
  ] as Record<string, unknown>[],
  /** To what reads event.from's answers. */
  eventAnswers: [{ events: [], token: '', valid_ref_counts: { vm: { toString: 0 } } }],
  /** To what reads XAPI's answers. */
  xapiAnswers: [
    '<?xml version="1.0"?><methodResponse/>',
    '<?xml version="1.0"?><methodResponse><params/></methodResponse>',
    '<?xml version="1.0"?><methodResponse><params><param><value><nil/></value></param></params></methodResponse>',
  ],
}
