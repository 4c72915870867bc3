/** The keys of large bodies of tasks: when they are stored outside of the broker, and what bounds that. Data only. */
import { duration, type SchemaNode, size } from './schema-node.js';

export const payloadKeys: Readonly<Record<string, SchemaNode>> = {
  payload_threshold: size(
    'Bodies larger than this are put into the payload store, where there is one; else a warning names the task, once.',
    [1024, 2 ** 29],
    { default: '128KiB' },
  ),
  max_payload_size: size(
    'Largest body that is put into a payload store, or fetched from one.',
    [1024, 2 ** 30],
    {
      default: '64MiB',
    },
  ),
  payload_timeout: duration(
    'How long a payload store may take to keep or to fetch one body.',
    [0.001, 86_400],
    {
      default: '30s',
    },
  ),
};
