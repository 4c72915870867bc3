/**
 * What a version of RabbitMQ does that surprises, or cannot do that Celeriac would use. Pure.
 *
 * Sources: release notes of RabbitMQ 3.8.15 to 4.3.0; rabbitmq.com/docs/quorum-queues, /consumers.
 */
import { atLeast } from '../amqp/server-version.js';
import { type Check, ok, warning } from './check.js';

interface Trap {
  readonly applies: (version: string) => boolean;
  readonly found: string;
  readonly advice: string;
}

const before =
  (major: number, minor: number) =>
  (version: string): boolean =>
    !atLeast(version, [major, minor]);
const from =
  (major: number, minor: number) =>
  (version: string): boolean =>
    atLeast(version, [major, minor]);

const traps: readonly Trap[] = [
  {
    applies: before(3, 10),
    found: 'quorum queues dead-letter at most once: a crash of the broker may lose a dead letter',
    advice: 'Upgrade to 3.10 or later.',
  },
  {
    applies: (version) => from(3, 10)(version) && before(4, 0)(version),
    found: 'a series that is no longer maintained by its community',
    advice: 'Plan the way to RabbitMQ 4; enable all feature flags of 3.13 first.',
  },
  {
    applies: before(3, 12),
    found: 'x-consumer-timeout of a queue is not understood: queues are declared without it',
    advice: 'Where tasks run longer than half an hour, raise consumer_timeout in rabbitmq.conf.',
  },
  {
    applies: from(4, 3),
    found:
      'transient queues that are not exclusive are refused, which Celery before 5.6 declares for remote control',
    advice:
      'Let Python workers run Celery 5.6 with control_queue_durable, or permit transient_nonexcl_queues meanwhile.',
  },
];

export function versionChecks(version: string | undefined): readonly Check[] {
  if (version === undefined)
    return [warning('broker version', 'the broker does not say which it is', 'Use RabbitMQ 3.10 or later.')];
  const found = traps.filter(({ applies }) => applies(version));
  if (found.length === 0) return [ok('broker version', `RabbitMQ ${version}`)];
  return found.map((trap) => warning('broker version', `RabbitMQ ${version}: ${trap.found}`, trap.advice));
}
