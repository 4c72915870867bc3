/** How often a message came back, and whether that is too often. Changes the entry's counts; moves nothing. */
import type { Entry } from './message.js';
import type { Profile } from './profile.js';
import type { QueueSettings } from './queue-arguments.js';

/** How deliveries come back. */
export interface Return {
  /** False: they are dead. */
  readonly requeue: boolean;
  /** What the client said; `loss`: its channel is gone; `timeout`: it has said nothing for too long. */
  readonly by: 'nack' | 'reject' | 'loss' | 'timeout';
}

interface Rules {
  readonly settings: Pick<QueueSettings, 'type' | 'deliveryLimit'>;
  readonly profile: Profile;
}

/** Counts a return. False: it was one too many (quorum queues only). */
export function countReturn(entry: Entry, { by }: Return, { settings, profile }: Rules): boolean {
  entry.redelivered = true;
  entry.acquiredCount = (entry.acquiredCount ?? entry.deliveryCount) + 1;
  if (profile.nackCounts || by === 'reject' || by === 'loss') entry.deliveryCount++;
  const { type, deliveryLimit } = settings;
  return type !== 'quorum' || deliveryLimit === undefined || entry.deliveryCount <= deliveryLimit;
}
