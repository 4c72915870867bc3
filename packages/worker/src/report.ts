/**
 * Says what happened to deliveries: one log line each, and the worker's events. Only watches.
 */
import type { Delivery, Logger, Outcome, Tell, Verdict } from '@celeriac/core';

/** A handler begins. */
export interface Started {
  readonly id: string;
  /** The task's name or the event's type. */
  readonly name: string;
  readonly queue: string;
  readonly redelivered: boolean;
}

/** A delivery is settled. */
export interface Settled {
  /** Undefined when the message could not be read. */
  readonly id: string | undefined;
  readonly name: string | undefined;
  readonly queue: string;
  readonly redelivered: boolean;
  readonly outcome: Outcome;
  readonly verdict: Verdict;
  /** From receipt to settlement, milliseconds. */
  readonly durationMs: number;
}

export interface ReportEvents {
  started: [Started];
  settled: [Settled];
}

interface Ending {
  readonly id: string | undefined;
  readonly name: string | undefined;
  readonly delivery: Delivery;
  readonly outcome: Outcome;
  readonly verdict: Verdict;
  readonly ms: number;
}

export class Report {
  #logger: Logger;
  #tell: Tell<ReportEvents>;

  constructor(logger: Logger, tell: Tell<ReportEvents>) {
    this.#logger = logger;
    this.#tell = tell;
  }

  started({ id, name, delivery }: { id: string; name: string; delivery: Delivery }): void {
    const { queue, redelivered } = delivery;
    this.#tell('started', { id, name, queue, redelivered });
  }

  settled({ id, name, delivery, outcome, verdict, ms }: Ending): void {
    const { queue, redelivered } = delivery;
    this.#log({ id, name, delivery, outcome, verdict, ms });
    this.#tell('settled', { id, name, queue, redelivered, outcome, verdict, durationMs: ms });
  }

  #log({ id, name, delivery, outcome, verdict, ms }: Ending): void {
    const what = { name, id, queue: delivery.queue };
    switch (verdict.kind) {
      case 'ack':
        this.#logger.info('done', { ...what, ms: Math.round(ms) });
        return;
      case 'deadLetter':
        this.#logger.error(`dead-lettered: ${verdict.reason}`, {
          ...what,
          messageId: delivery.properties.messageId,
          ...(verdict.detail === undefined ? {} : { detail: verdict.detail }),
          bytes: delivery.body.length,
          error: verdict.error,
        });
        return;
      case 'requeue':
        this.#logger.info('returned to the queue', { ...what, because: outcome.kind });
        return;
      case 'abandon':
        this.#logger.warn('not settled: its channel is gone, the broker delivers it again', {
          ...what,
          because: outcome.kind,
        });
    }
  }
}
