/**
 * How often a message may still be read before the broker drops it. RabbitMQ 4.0 to 4.2 give every quorum queue a
 * limit of 20 and count whatever is given back; before, there is no limit unless somebody sets one, and from 4.3 on
 * what was nacked does not count. Pure.
 */
import { CeleriacError } from '../errors.js';
import type { HeaderTable } from '../ports.js';

/** Some reads before the twentieth: others may be reading too. */
const mostReads = 15;

/** What a broker of that version does with a message of these headers; undefined while nothing has to be feared. */
export function nearlyDropped(
  queue: string,
  headers: HeaderTable,
  version: string,
): CeleriacError | undefined {
  const [major, minor] = version.split('.').map(Number);
  if (major !== 4 || minor === undefined || minor > 2) return undefined;
  const reads = Math.max(count(headers['x-acquired-count']), count(headers['x-delivery-count']));
  if (reads < mostReads) return undefined;
  return new CeleriacError('ERR_DELIVERY_LIMIT_NEAR', {
    message: `A message in '${queue}' was read ${reads} times; RabbitMQ ${version} throws it away after 20.`,
    hint: `Give the queue no limit, by a policy (delivery-limit -1), and say so; or put everything back, or throw it away.`,
    values: { queue, reads, version },
  });
}

function count(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
