/**
 * Carries out a verdict: the only code that acknowledges, returns or dead-letters a delivery. A dead letter is
 * published with a confirm before the original is acknowledged, so that no crash in between loses it: at worst it
 * is there twice. Decides nothing. Never throws.
 */
import {
  backoffMs,
  barest,
  type Clock,
  deadLetter,
  deadLetterQueueName,
  type Delivery,
  type Ensures,
  isCeleriacError,
  type Logger,
  type MessageSink,
  type Topology,
  type Verdict,
} from '@celeriac/core';

export interface SettleParts {
  readonly sink: MessageSink;
  readonly declarer: Ensures;
  /** What has to exist for dead letters of this queue. */
  readonly deadLetterTopology: (queue: string) => Topology;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Who gave up on the message, for its dead-letter headers. */
  readonly worker: string;
  /** Fires when the process must not wait any longer. */
  readonly halted: AbortSignal;
}

type DeadLetterVerdict = Extract<Verdict, { kind: 'deadLetter' }>;

const firstPauseMs = 200;
const longestPauseMs = 10_000;

export async function settle(verdict: Verdict, delivery: Delivery, parts: SettleParts): Promise<void> {
  switch (verdict.kind) {
    case 'ack':
      delivery.ack();
      return;
    case 'requeue':
      delivery.requeue(verdict.countsAsFailure);
      return;
    case 'abandon':
      return;
    case 'deadLetter':
      await moveToDeadLetterQueue(verdict, delivery, parts);
  }
}

/**
 * Holds the delivery until its copy is confirmed: returning it instead would deliver it again at once, for ever.
 * Gives up only when the channel is gone or the process halts; the broker then redelivers it to someone else.
 */
async function moveToDeadLetterQueue(
  verdict: DeadLetterVerdict,
  delivery: Delivery,
  parts: SettleParts,
): Promise<void> {
  const { sink, declarer, clock, logger, halted, worker } = parts;
  const { queue } = delivery;
  const key = `dead letters of ${queue}`;
  const prepare = () => declarer.ensure(key, () => parts.deadLetterTopology(queue));
  let letter = deadLetter(delivery, verdict, { worker, at: new Date(clock.now()) });
  for (let attempt = 0; delivery.live && !halted.aborted; attempt++) {
    try {
      await sink.publish({ ...letter, prepare }, { anySize: true });
      delivery.ack();
      return;
    } catch (error) {
      if (isCeleriacError(error, 'ERR_NOT_SERIALIZABLE')) letter = barest(letter);
      declarer.forget(key); // it may have been deleted: declare it again
      logger.error('cannot dead-letter, holding the message and trying on', {
        queue,
        deadLetterQueue: deadLetterQueueName(queue),
        id: letter.properties.messageId,
        error,
      });
      const random = (): number => clock.random();
      await clock.sleep(
        backoffMs(attempt + 1, { firstMs: firstPauseMs, longestMs: longestPauseMs, random }),
        halted,
      );
    }
  }
}
