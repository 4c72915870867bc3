/** What a delivery is handled with. Types only. */
import type { Delivery } from '@celeriac/core';

import type { FollowUps } from './canvas/follow-ups.js';
import type { Gate } from './gate.js';
import type { LostRuns } from './lost-runs.js';
import type { Pool } from './pool/pool.js';
import type { Report } from './report.js';
import type { ResultKeeper } from './results/result-keeper.js';
import type { SettleParts } from './settle.js';
import type { Slots } from './slots.js';
import type { Suspects } from './suspects.js';
import type { Prepare } from './work.js';
import type { WorkInHand } from './work-in-hand.js';

export interface DispatchParts extends SettleParts {
  readonly prepare: Prepare;
  /** False of what nobody vouches for: then nobody is told how it ended. Default: all are trusted. */
  readonly trusts?: ((delivery: Delivery) => boolean) | undefined;
  /** Where handlers run. */
  readonly pool: Pool;
  readonly slots: Slots;
  /** Asked, in this order, before a handler runs. */
  readonly gates: readonly Gate[];
  readonly report: Report;
  /** Runs that go on although their deliveries are lost. Shared by all queues. */
  readonly lostRuns: LostRuns;
  /** What waits for its turn, and what runs. */
  readonly inHand: WorkInHand;
  /** Where results are kept; undefined where they are not. */
  readonly results?: ResultKeeper | undefined;
  /** Sends what follows a task; undefined for events. */
  readonly followUps?: FollowUps | undefined;
  /** Fires when nothing new may be started. */
  readonly stopping: AbortSignal;
  /** Deliveries of a message that nobody settles, after which it is dead-lettered; 0 is without limit. */
  readonly deliveryLimit: number;
  /** Messages that may end the process, by how often they were delivered: one at a time. Shared by all queues. */
  readonly suspects: Suspects;
}
