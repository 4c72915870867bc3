/**
 * Keeps the way of delayed messages to a worker's queues open, in the background: declared once it consumes, and
 * again when a queue had to be declared anew, which lost its binding. Fails and delays nothing: what cannot be
 * declared now is declared when it is needed.
 */
import type { Delays, Logger } from '@celeriac/core';

import type { SideConsumer } from './side.js';

export interface DelayPaths {
  readonly consumers: readonly Pick<SideConsumer, 'queue' | 'events'>[];
  readonly delays: Pick<Delays, 'ensure' | 'forgetBinding'>;
  /** False: nothing is declared before it is needed. */
  readonly ahead: boolean;
  readonly logger: Logger;
  /** Fires when failures are of no interest any more. */
  readonly stopping: AbortSignal;
}

export function keepDelayPaths({ consumers, delays, ahead, logger, stopping }: DelayPaths): void {
  const open = (queue: string): void => {
    delays.ensure(queue)?.catch((error: unknown) => {
      if (stopping.aborted) return;
      logger.warn('delayed delivery is not set up yet: it is tried again when it is needed', {
        queue,
        error,
      });
    });
  };
  for (const { queue, events } of consumers) {
    if (ahead) open(queue);
    events.on('subscribed', () => {
      delays.forgetBinding(queue);
      if (ahead && !stopping.aborted) open(queue);
    });
  }
}
