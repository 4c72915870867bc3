/** Stand-ins for a delivery and for what settles it. They record calls in one list; they never reach a broker. */
import {
  type ChannelLoss,
  Delays,
  type Delivery,
  type Logger,
  type MessageProperties,
  type OutgoingMessage,
  type RetryPolicy,
  silentLogger,
  taskAtCheckpoint,
  taskForRetry,
} from '@celeriac/core';

import type { DispatchParts } from '../../dist/dispatch-parts.js';
import { LostRuns } from '../../dist/lost-runs.js';
import { InlinePool } from '../../dist/pool/inline.js';
import { Slots } from '../../dist/slots.js';
import { Suspects } from '../../dist/suspects.js';
import { WorkInHand } from '../../dist/work-in-hand.js';
import { ManualClock } from '../../../core/dist-test/support/manual-clock.js';

/** No retries asked for. */
export const noRetries: RetryPolicy = {
  max: undefined,
  backoff: 'exponential',
  delayMs: 1000,
  maxDelayMs: 600_000,
  jitter: false,
  never: [],
  only: undefined,
};

/** A delivery of the queue `celery`. `calls` gets 'ack', 'requeue' and 'requeue as failure'. */
export class FakeDelivery implements Delivery {
  readonly queue = 'celery';
  readonly exchange = '';
  readonly routingKey = 'celery';
  readonly redelivered = false;
  readonly properties: MessageProperties = {
    messageId: 'm1',
    contentType: 'application/json',
    headers: { task: 'a' },
  };
  readonly body: Buffer = Buffer.from('[]');
  readonly calls: string[];
  live = true;
  #lost = new Set<(loss: ChannelLoss) => void>();

  constructor(calls: string[] = []) {
    this.calls = calls;
  }

  onLost(callback: (loss: ChannelLoss) => void): () => void {
    this.#lost.add(callback);
    return () => void this.#lost.delete(callback);
  }

  /** The channel dies. */
  lose(): void {
    this.live = false;
    for (const callback of this.#lost) callback({ code: undefined, text: 'closed' });
  }

  ack(): void {
    this.calls.push('ack');
  }

  requeue(countsAsFailure: boolean): void {
    this.calls.push(countsAsFailure ? 'requeue as failure' : 'requeue');
  }
}

/** Everything `dispatch` and `settle` need, recording into `calls`. */
export class Bench {
  readonly calls: string[] = [];
  readonly letters: OutgoingMessage[] = [];
  readonly outcomes: string[] = [];
  readonly clock: ManualClock = new ManualClock();
  readonly halted: AbortController = new AbortController();
  readonly stopping: AbortController = new AbortController();
  readonly logger: Logger = silentLogger;
  /** What each publish does; records first. */
  publish: () => Promise<void> = () => Promise.resolve();

  delivery(): FakeDelivery {
    return new FakeDelivery(this.calls);
  }

  parts(prepare: DispatchParts['prepare'], concurrency = 1): DispatchParts {
    const { clock, logger, calls, letters, outcomes } = this;
    const sink = {
      publish: (letter: OutgoingMessage): Promise<void> => {
        calls.push('publish');
        letters.push(letter);
        return this.publish();
      },
    };
    const declarer = { ensure: () => undefined, forget: () => void calls.push('forget') };
    const report = {
      received: () => undefined,
      started: () => void calls.push('started'),
      lost: () => undefined,
      settled: ({ outcome }: { outcome: { kind: string } }) => void outcomes.push(outcome.kind),
    };
    return {
      clock,
      logger,
      sink,
      declarer,
      report: report as unknown as DispatchParts['report'],
      deadLetterTopology: () => ({}) as never,
      delays: new Delays({ declarer, queueType: 'quorum', topologyOf: () => ({}) as never }),
      copyForRetry: taskForRetry('UTC'),
      copyAtCheckpoint: taskAtCheckpoint('UTC'),
      worker: 'w1',
      halted: this.halted.signal,
      stopping: this.stopping.signal,
      prepare,
      pool: new InlinePool('tasks', { clock, logger }),
      slots: new Slots(concurrency),
      gates: [],
      deliveryLimit: 20,
      suspects: new Suspects(),
      lostRuns: new LostRuns(),
      inHand: new WorkInHand(),
    };
  }
}

/** What a promise rejected with; undefined when it did not. */
export function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}
