/** Compares queues with what the configuration would declare, argument by argument. Makes none. */
import type { BrokerProbe } from '../amqp/broker-probe.js';
import type { Inequivalence } from '../amqp/channel-error.js';
import { unsafeArguments } from '../amqp/declare.js';
import type { QueueSpec } from '../amqp/topology.js';
import { type Check, failed, ok, skipped, warning } from './check.js';

/** Rejects where the connection goes, or nothing answers. */
export async function queueCheck(probe: BrokerProbe, spec: QueueSpec): Promise<Check> {
  const subject = `queue ${spec.name}`;
  const found = await probe.compare(spec);
  switch (found.state) {
    case 'same':
      return ok(subject, 'as the configuration declares it');
    case 'missing':
      return skipped(subject, 'is not there yet', 'Workers and publishers declare it when they need it.');
    case 'refused':
      return warning(
        subject,
        'the user may not look at it, or it belongs to another connection',
        'Let the user configure it: rabbitmqctl set_permissions -p VHOST USER CONFIGURE WRITE READ.',
      );
    case 'differs':
      return differs(subject, found.difference);
  }
}

function differs(subject: string, { argument, wanted, present }: Inequivalence): Check {
  const found = `has ${argument} ${present}, and the configuration wants ${wanted}`;
  // What may lose messages is refused by workers as well; the rest is used as it is.
  return unsafeArguments.has(argument)
    ? failed(subject, found, 'Delete it and let it be declared again, or configure another name.')
    : warning(subject, found, 'It is used as it is. Delete it when it is empty, and it is declared anew.');
}
