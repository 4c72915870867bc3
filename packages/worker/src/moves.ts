/**
 * The messages that take a delivery's place elsewhere: its dead letter, its next attempt, itself at its time. Says
 * what to publish and what to do when that fails; `settle` publishes. Acknowledges nothing.
 */
import {
  barest,
  type Clock,
  copyAsItCame,
  type CopyAtCheckpointInQueue,
  copyDeferred,
  copyPostponed,
  copyRecounted,
  type CopyInQueue,
  deadLetter,
  deadLetterQueueName,
  type Delays,
  type Delivery,
  type Ensures,
  type OutgoingMessage,
  type Topology,
  type Verdict,
} from '@celeriac/core';

export interface MoveParts {
  readonly declarer: Ensures;
  /** What has to exist for dead letters of this queue. */
  readonly deadLetterTopology: (queue: string) => Topology;
  readonly delays: Delays;
  readonly copyForRetry: CopyInQueue;
  /** Of tasks: events have no checkpoints. */
  readonly copyAtCheckpoint?: CopyAtCheckpointInQueue | undefined;
  readonly clock: Clock;
  /** Who gave up on the message, for its dead-letter headers. */
  readonly worker: string;
}

export interface Move {
  /** What it carries out. */
  readonly verdict: MovingVerdict;
  /** For the log: `cannot <doing>`. */
  readonly doing: string;
  /** What to publish now; undefined when it belongs into its queue again. May throw. */
  readonly message: () => OutgoingMessage | undefined;
  /** Publishing failed: something on the way may have been deleted, and is declared again next time. */
  readonly failed: () => void;
  /** True: one short try, even when the process must not wait; then it is returned as it is. */
  readonly inPassing?: boolean;
  /** True: where the process must not wait there is one short try all the same; then it is returned as it is. */
  readonly isWorthATry?: boolean;
  /** What to do instead when the message cannot be written at all. */
  readonly otherwise: (error: unknown) => Move;
}

type Of<Kind extends Verdict['kind']> = Extract<Verdict, { kind: Kind }>;
export type MovingVerdict = Of<'deadLetter' | 'retry' | 'continue' | 'postpone' | 'recount'>;

export function moveFor(verdict: MovingVerdict, delivery: Delivery, parts: MoveParts): Move {
  switch (verdict.kind) {
    case 'deadLetter':
      return toDeadLetterQueue(verdict, delivery, parts);
    case 'retry':
      return toNextAttempt(verdict, delivery, parts);
    case 'continue':
      return toNextRun(verdict, delivery, parts);
    case 'postpone':
      return toItsTime(verdict, delivery, parts);
    case 'recount':
      return toItsEnd(verdict, delivery, parts);
  }
}

function toDeadLetterQueue(verdict: Of<'deadLetter'>, delivery: Delivery, parts: MoveParts): Move {
  const { declarer, clock, worker, deadLetterTopology } = parts;
  const { queue } = delivery;
  const key = `dead letters of ${queue}`;
  const prepare = () => declarer.ensure(key, () => deadLetterTopology(queue));
  const letter = { ...deadLetter(delivery, verdict, { worker, at: new Date(clock.now()) }), prepare };
  const move = (message: OutgoingMessage): Move => ({
    verdict,
    doing: `dead-letter into '${deadLetterQueueName(queue)}'`,
    message: () => message,
    failed: () => declarer.forget(key),
    otherwise: () => move(barest(message)),
  });
  return move(letter);
}

function toNextAttempt(verdict: Of<'retry'>, delivery: Delivery, parts: MoveParts): Move {
  const { delayMs, attempt, error, crashes } = verdict;
  const { clock, delays, copyForRetry } = parts;
  const { queue } = delivery;
  const failedAt = clock.now();
  const eta = Math.ceil(failedAt + delayMs);
  return {
    verdict,
    doing: 'retry',
    message: () => {
      const copy = copyForRetry(delivery, { retries: attempt, eta, now: failedAt, crashes });
      return delays.message(copy, { queue, delayMs: eta - clock.now() });
    },
    failed: () => delays.forget(queue),
    otherwise: () => toDeadLetterQueue({ kind: 'deadLetter', reason: 'failed', error }, delivery, parts),
  };
}

function toNextRun(verdict: Of<'continue'>, delivery: Delivery, parts: MoveParts): Move {
  const { state, delayMs } = verdict;
  const { clock, delays, copyAtCheckpoint } = parts;
  const { queue } = delivery;
  const now = clock.now();
  const eta = delayMs > 0 ? Math.ceil(now + delayMs) : undefined;
  return {
    verdict,
    doing: 'go on from a checkpoint',
    message: () => {
      if (copyAtCheckpoint === undefined) throw new Error('What runs here has no checkpoints.');
      const copy = copyAtCheckpoint(delivery, { state, eta, now });
      return delays.message(copy, { queue, delayMs: eta === undefined ? 0 : eta - clock.now() });
    },
    failed: () => delays.forget(queue),
    isWorthATry: true,
    otherwise: (error) => toDeadLetterQueue({ kind: 'deadLetter', reason: 'failed', error }, delivery, parts),
  };
}

function toItsTime(verdict: Of<'postpone'>, delivery: Delivery, parts: MoveParts): Move {
  const { until, isDeferred = false } = verdict;
  const { clock, delays } = parts;
  const { queue } = delivery;
  return {
    verdict,
    doing: 'move to its time',
    message: () => {
      const delayMs = until - clock.now();
      // A deferral has to be counted, or a limit would take it for a newcomer again.
      if (isDeferred) return delays.message(copyDeferred(delivery), { queue, delayMs: Math.max(1, delayMs) });
      // Its time came while it was held.
      return delayMs <= 0 ? undefined : delays.message(copyPostponed(delivery), { queue, delayMs });
    },
    failed: () => delays.forget(queue),
    otherwise: (error) =>
      toDeadLetterQueue(
        { kind: 'deadLetter', reason: 'malformed', detail: 'bad-field', error },
        delivery,
        parts,
      ),
  };
}

function toItsEnd(verdict: Of<'recount'>, delivery: Delivery, parts: MoveParts): Move {
  const { queue } = delivery;
  const { deliveries, delayMs, inPassing } = verdict;
  return {
    verdict,
    doing: 'count how often it was delivered',
    message: () => parts.delays.message(copyRecounted(delivery, deliveries), { queue, delayMs }),
    failed: () => parts.delays.forget(queue),
    inPassing,
    otherwise: (error) =>
      toDeadLetterQueue(
        { kind: 'deadLetter', reason: 'malformed', detail: 'bad-field', error },
        delivery,
        parts,
      ),
  };
}
