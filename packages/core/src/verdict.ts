/** What is to be done with a delivery. `judge` returns one, `settle` carries it out. */

/** Stable: written into the dead-letter queue as `celeriac-reason`. */
export type DeadLetterReason =
  | 'failed'
  | 'timed-out'
  | 'crashed'
  | 'rejected'
  | 'payload'
  | 'delivery-limit'
  | 'unknown'
  | 'invalid'
  | 'expired'
  | 'malformed'
  | 'signature';

export type Verdict =
  | { readonly kind: 'ack' }
  /** Copied to the dead-letter queue with its reason, confirmed, and only then acknowledged. */
  | {
      readonly kind: 'deadLetter';
      readonly reason: DeadLetterReason;
      readonly detail?: string;
      /** How often it was tried, where it was. */
      readonly attempts?: number;
      /** How often it ended the thread or process that ran it, where it did. */
      readonly crashes?: number;
      readonly error: unknown;
    }
  /** A copy with the next attempt's number goes into the delay queues, confirmed; then it is acknowledged. */
  | {
      readonly kind: 'retry';
      readonly delayMs: number;
      /** The attempt that failed, from 1, and how many there are at most: Infinity where there is no end. */
      readonly attempt: number;
      readonly of: number;
      /** How often it ended the thread or process that ran it, where that is why. */
      readonly crashes?: number;
      readonly error: unknown;
    }
  /**
   * A copy with the state (JSON) goes to the end of its queue, or through the delay queues, confirmed; then it is
   * acknowledged. Neither a retry nor a crash: counts nothing.
   */
  | { readonly kind: 'continue'; readonly state: string; readonly delayMs: number }
  /** Too early: the message as it came goes into the delay queues, confirmed; then it is acknowledged. */
  | {
      readonly kind: 'postpone';
      /** Milliseconds since the epoch. */
      readonly until: number;
      /** True: a limit had it come later, which its copy counts. */
      readonly isDeferred?: boolean;
    }
  /**
   * A copy that says how often it was delivered before goes to the end of its queue, or through the delay queues,
   * confirmed; then it is acknowledged.
   */
  | {
      readonly kind: 'recount';
      readonly deliveries: number;
      readonly delayMs: number;
      /** True while the worker stops: there is time for one try only, else the message is returned as it is. */
      readonly inPassing: boolean;
    }
  /**
   * Back to the queue. `countsAsFailure` picks basic.reject over basic.nack: from RabbitMQ 4.3 only the former
   * counts towards a quorum queue's delivery limit, so a drained worker does not burn it.
   */
  | { readonly kind: 'requeue'; readonly countsAsFailure: boolean }
  /** Left alone: the delivery's channel is gone and the broker has it again. */
  | { readonly kind: 'abandon' };
