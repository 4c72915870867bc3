/**
 * One delivery on its way through the worker: what is noted about it while it runs, and the result at its end.
 * Attribution is by asynchronous context, so runs beside one another do not mix.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate } from 'node:timers';

import {
  againHeaders,
  type DeadLetterReason,
  deadLetterHeaders,
  deadLetterQueueName,
  type Delivery,
} from '@celeriac/core';
import type { Settled } from '@celeriac/worker';

import type { PublishedEvent, Recorded, SentBy, SentTask } from './outbox.js';
import { type DeadLetter, RunResult, type Settlement } from './run-result.js';
import { MemoryDelivery, type Settling, type WireMessage } from './wire.js';

const current = new AsyncLocalStorage<Run>();

/** The run that the calling code belongs to. */
export function currentRun(): Run | undefined {
  return current.getStore();
}

/** Where a message is delivered. */
export interface RunTarget {
  readonly queue: string;
  /** Undefined for a task. */
  readonly application?: string | undefined;
}

export interface RunInput extends RunTarget {
  readonly redelivered: boolean;
  readonly message: WireMessage;
}

export class Run {
  readonly options: RunInput;
  by: SentBy | undefined;
  #sent: SentTask[] = [];
  #published: PublishedEvent[] = [];
  #deadLetter: DeadLetter | undefined;
  #how: Settling | undefined;
  #settled: Settled | undefined;
  #isAgain = false;

  constructor(options: RunInput) {
    this.options = options;
  }

  /** Hands the message over; resolves when the worker has settled it and said so. */
  execute(deliver: (delivery: Delivery) => void): Promise<RunResult> {
    return new Promise((resolve, reject) => {
      const { queue, redelivered, message } = this.options;
      const onSettled = (how: Settling): void => {
        this.#how = how;
        setImmediate(() => this.#settled === undefined && reject(unreported(queue)));
        this.#finished = resolve;
      };
      current.run(this, () => deliver(new MemoryDelivery({ queue, redelivered, message, onSettled })));
    });
  }

  #finished: (result: RunResult) => void = () => undefined;

  /** True when it was the dead letter of this very delivery. */
  noteDeadLetter({ exchange, routingKey, properties, body }: WireMessage): boolean {
    const { headers } = properties;
    const reason = headers[deadLetterHeaders.reason];
    if (exchange !== '' || routingKey !== deadLetterQueueName(this.options.queue)) return false;
    if (typeof reason !== 'string') return false;
    const detail = headers[deadLetterHeaders.detail];
    this.#deadLetter = {
      queue: routingKey,
      reason: reason as DeadLetterReason,
      ...(typeof detail === 'string' ? { detail } : {}),
      headers,
      body,
    };
    return true;
  }

  /**
   * Notes it when it is this very message again: for its next attempt, which no handler could send, or moved to its
   * time before any handler began.
   */
  noteAgain({ properties: { headers } }: WireMessage): boolean {
    const retries = headers.retries ?? headers[againHeaders.retries];
    const isAgain = this.by === undefined || (typeof retries === 'number' && retries > 0);
    this.#isAgain ||= isAgain;
    return isAgain;
  }

  note({ content }: Recorded): void {
    if (content.kind === 'task') this.#sent.push(content.task);
    if (content.kind === 'event') this.#published.push(content.event);
  }

  /** The worker says what became of it, after it has settled it. */
  report(settled: Settled): void {
    this.#settled = settled;
    const { id, name, outcome, verdict } = settled;
    const { queue, application } = this.options;
    const deadLetter = this.#deadLetter;
    const facts = { id, name, queue, application, outcome, verdict, settled: this.#settlement, deadLetter };
    this.#finished(new RunResult({ ...facts, sent: this.#sent, published: this.#published }));
  }

  get #settlement(): Settlement {
    if (this.#how !== 'acked') return 'requeued';
    if (this.#deadLetter !== undefined) return 'dead-lettered';
    if (!this.#isAgain) return 'acked';
    return this.by === undefined ? 'postponed' : 'retried';
  }
}

function unreported(queue: string): Error {
  return new Error(
    `A delivery of '${queue}' was settled, but its handling failed in Celeriac itself; give testApp a logger to see how.`,
  );
}
