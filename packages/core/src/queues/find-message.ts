/**
 * Looks for one message among those that wait in a queue, the oldest first. Takes nothing away: what was in hand is given
 * back in its place, and to the broker it has been delivered then.
 */
import { type HeldMessage, QueueVisit, type VisitOptions } from '../amqp/queue-visit.js';

export interface FoundMessage extends Pick<HeldMessage, 'properties' | 'body' | 'headerError'> {
  /** So many wait before it. */
  readonly before: number;
}

export interface FindOptions extends VisitOptions {
  readonly id: string;
  /** So many are looked at. */
  readonly most: number;
}

/** Rejects with ERR_TOPOLOGY_MISSING where there is no such queue, and as a visit does. */
export async function findMessage({ id, most, ...options }: FindOptions): Promise<FoundMessage | undefined> {
  const visit = await QueueVisit.open({ ...options, batchSize: Math.min(most, 1000) });
  let hasFailed = false;
  try {
    for (let before = 0; before < most; before++) {
      const held = await visit.next();
      if (held === undefined) return undefined;
      const { properties, body, headerError } = held;
      if (idsOf(properties).includes(id)) return { properties, body, headerError, before };
    }
    return undefined;
  } catch (error) {
    hasFailed = true;
    throw error;
  } finally {
    await visit.end({ quietly: hasFailed });
  }
}

/** Celery's tasks have it as correlation id and header, ours as message id as well. */
function idsOf({ messageId, correlationId, headers }: HeldMessage['properties']): readonly unknown[] {
  return [messageId, correlationId, headers.id];
}
