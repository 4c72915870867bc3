/** Compares queues with what the configuration would declare, argument by argument. Makes none. */
import type { Inequivalence } from '../amqp/channel-error.js';
import { unsafeArguments } from '../amqp/declare.js';
import type { TopologyProbe } from '../amqp/topology-probe.js';
import type { QueueSpec } from '../amqp/topology.js';
import { type Check, failed, ok, skipped, warning } from './check.js';

/** Rejects where the connection goes, or nothing answers. */
export async function queueCheck(probe: Pick<TopologyProbe, 'queue'>, spec: QueueSpec): Promise<Check> {
  const subject = `queue ${spec.name}`;
  const found = await probe.queue(spec);
  switch (found.state) {
    case 'missing':
      return skipped(subject, 'is not there yet', 'Workers and publishers declare it when they need it.');
    case 'refused':
      return warning(
        subject,
        `the user may not look at it, or it belongs to another connection: ${found.why}`,
        'Let the user configure it: rabbitmqctl set_permissions -p VHOST USER CONFIGURE WRITE READ.',
      );
    case 'exists':
      if (found.differences.length > 0) return differs(subject, found.differences);
      return found.unseen === undefined
        ? ok(subject, 'as the configuration declares it')
        : warning(subject, `cannot be compared: ${found.unseen}`, seeMore);
  }
}

const seeMore = 'celeriac topology plan shows what is needed.';

function differs(subject: string, differences: readonly Inequivalence[]): Check {
  const found = differences
    .map(
      ({ argument, wanted, present }) => `has ${argument} ${present}, and the configuration wants ${wanted}`,
    )
    .join('; ');
  // What may lose messages is refused by workers as well; the rest is used as it is.
  return differences.some(({ argument }) => unsafeArguments.has(argument))
    ? failed(subject, found, 'celeriac topology apply moves it to what is wanted; or configure another name.')
    : warning(subject, found, 'It is used as it is. celeriac topology apply moves it to what is wanted.');
}
