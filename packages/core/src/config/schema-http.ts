/** The keys of the HTTP endpoints of a worker: where it tells how it is. Data only. */
import { duration, flag, type SchemaNode, section, text, whole } from './schema-node.js';

export const http: SchemaNode = section(
  'Health endpoints of a worker, `/healthz` and `/readyz`. Off unless `port` is set.',
  {
    host: text('Address to listen on. Another than a loopback address needs `allow_remote`.', {
      default: '127.0.0.1',
    }),
    port: whole('Port to listen on; 0 takes a free one, which the log names.', 0, {
      'x-default': 'none: off',
    }),
    allow_remote: flag(
      'Listen on addresses that other machines reach. There is no password: keep it inside the cluster.',
      false,
    ),
    max_block: duration(
      'How long the event loop may stand still before `/healthz` says that the worker is not alive.',
      [1, 86_400],
      { default: '60s' },
    ),
  },
);
