/**
 * Remote control of a worker: knows what is cancelled before the first task runs, hears requests, and finds out who else
 * has its name. A worker that cannot have it works without, and says so.
 */
import type { ControlReply } from '@celeriac/core';
import { waitAtMost } from '@celeriac/core';

import { whenSubscribed } from '../capsule.js';
import type { Side } from '../side.js';
import { answerRequest } from './answer-request.js';
import type { ControlledWorker } from './command.js';
import { Mailbox } from './mailbox.js';
import { sameName } from './questions.js';

export interface ControlParts extends Omit<ControlledWorker, 'startedAt'> {
  readonly side: Side;
}

/** Tasks wait for it when they start: not for long. */
const startMs = 5_000;
const listMs = 15_000;

export class Control {
  #parts: ControlParts;
  #worker: ControlledWorker;
  #mailbox: Mailbox;
  #isClosed = false;

  constructor(parts: ControlParts) {
    const { config, clock, logger, side, node, lamport } = parts;
    this.#parts = parts;
    this.#worker = { ...parts, startedAt: clock.monotonic() };
    this.#mailbox = new Mailbox({
      ...{ side, config, node, lamport, logger, clock },
      answer: (request) => answerRequest(this.#worker, request),
      heard: (reply) => this.#heard(reply),
    });
  }

  get node(): string {
    return this.#worker.node;
  }

  /**
   * Resolves when requests are heard and what was cancelled before is known, or when that takes too long. First the one,
   * then the other: a cancellation in between is in the list. Never rejects.
   */
  async start(stopping: AbortSignal): Promise<void> {
    const { clock, logger } = this.#parts;
    const { consumer } = this.#mailbox;
    const subscribed = whenSubscribed(consumer, stopping).catch((error: unknown) => {
      if (!stopping.aborted) logger.warn('no remote control, tasks run without it', { error });
    });
    await waitAtMost(clock, startMs, subscribed);
    await waitAtMost(clock, listMs, this.#readCancelled());
    // Whatever was said while the connection was gone was said to nobody.
    consumer.events.on('subscribed', () => {
      void this.#readCancelled();
      void this.#parts.pauses.read();
    });
    void this.#greet();
  }

  /** Requests are no longer heard. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#mailbox.consumer.close();
  }

  async #readCancelled(): Promise<void> {
    const { side, logger, revocations } = this.#parts;
    try {
      revocations.addAll(await side.cancelled.list());
    } catch (error) {
      if (this.#isClosed) return;
      logger.warn('the list of cancelled tasks cannot be read; tasks on it may run', { error });
    }
  }

  /** Celery's mingle. Python's answers bring what was cancelled there. */
  async #greet(): Promise<void> {
    if (!this.#mailbox.consumer.subscribed) return;
    const revoked = this.#parts.revocations.forCelery();
    await this.#mailbox.ask('hello', { from_node: this.node, revoked });
  }

  #heard({ answers }: ControlReply): void {
    const { logger, revocations } = this.#parts;
    for (const { node, value } of answers) {
      if (node === this.node) logger.warn(sameName(node), { node });
      const revoked = (value as { readonly revoked?: unknown } | null)?.revoked;
      if (typeof revoked === 'object' && revoked !== null) revocations.add(Object.keys(revoked));
    }
  }
}
