/** The keys about deliveries that are held for long, and about those that are lost meanwhile. Data only. */
import { choice, duration, type SchemaNode } from './schema-node.js';

/** RabbitMQ refuses a longer time: 2^32-1 milliseconds. */
const longest = 4_294_967;

/** How long the broker waits, for the warning at the start of a worker. */
export const brokerPatience: SchemaNode = duration(
  'How long the broker waits for an acknowledgement (`consumer_timeout` of RabbitMQ): the worker says at its start which tasks may take longer. 0 turns that off.',
  [0, longest],
  { default: '30m' },
);

/** How long it is to wait. RabbitMQ looks once a minute. */
export const declaredPatience: SchemaNode = duration(
  'Declared on task queues as `x-consumer-timeout`, over the one of the broker; from RabbitMQ 3.12, and not with `compatibility: celery`.',
  [60, longest],
  { 'x-default': "not declared: the broker's own" },
);

export function onLost(what: string): SchemaNode {
  return choice(
    `What becomes of ${what} whose delivery is lost with its connection, or because it took too long: \`cancel\` aborts the signal and refuses what it sends, \`finish\` lets it go to its end. It is delivered again either way.`,
    ['cancel', 'finish'],
    { default: 'cancel' },
  );
}
