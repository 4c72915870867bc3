/** The keys about what failed, and what is delivered again and again. Data only. */
import { longestDelaySeconds } from '../policy/delay.js';
import { choice, duration, type Extra, type SchemaNode, section, text, whole } from './schema-node.js';

const errorNames = (description: string, extra: Extra): SchemaNode => ({
  type: 'array',
  description,
  items: text('Name of an error, of a class of errors, or an error code.'),
  ...extra,
});

export const retry = (what: string): SchemaNode =>
  section(`How failed ${what} are tried again, unless they say otherwise themselves.`, {
    max: {
      type: ['integer', 'string'],
      description: "Attempts after the first; `unlimited` is without end, as Celery's `max_retries=None`.",
      minimum: 0,
      maximum: 65_535,
      pattern: '^unlimited$',
      'x-kind': 'retries',
      'x-allowed': 'a whole number from 0 to 65535, or unlimited',
      'x-default': 'none; 3 where retries are asked for without a number',
    },
    backoff: choice('Whether the delay doubles with every attempt.', ['exponential', 'fixed'], {
      default: 'exponential',
    }),
    delay: duration('Before the first retry.', [0, longestDelaySeconds], { default: '1s' }),
    max_delay: duration('The longest delay that the backoff comes to.', [0, longestDelaySeconds], {
      default: '10m',
    }),
    jitter: {
      type: 'boolean',
      description: 'Draw the delay between 0 and what the backoff comes to.',
      'x-default': 'true for `exponential`, false for `fixed`',
    },
    never: errorNames('Errors that are not tried again.', { default: [] }),
    only: errorNames('Only these errors are tried again.', { 'x-default': 'all' }),
  });

export const deliveryLimit: SchemaNode = whole(
  'Deliveries of a message that end with neither an acknowledgement nor a failure, as when it ends the process, before it is dead-lettered; 0 is without limit. Quorum queues of ours have a limit of 20 of their own.',
  0,
  { 'x-unit': 'deliveries', default: 20 },
);
