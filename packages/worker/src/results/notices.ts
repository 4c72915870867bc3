/**
 * What running tasks tell of themselves before they end. One state is written at a time for each task, and of those
 * that wait only the last is kept. What cannot be written is left out. Never rejects.
 */
import type { Delivery, Logger, NewResult, ResultTarget, ResultWriter } from '@celeriac/core';

export interface NoticesParts {
  readonly writer: ResultWriter;
  readonly logger: Logger;
}

interface Running {
  readonly target: ResultTarget;
  readonly delivery: Delivery;
  readonly children: string[];
  writing: Promise<void> | undefined;
  next: NewResult | undefined;
}

/** A task that sends more is not told to have more children. */
const mostChildren = 1000;

export class Notices {
  #parts: NoticesParts;
  #running = new Map<string, Running>();

  constructor(parts: NoticesParts) {
    this.#parts = parts;
  }

  open(target: ResultTarget, delivery: Delivery): void {
    this.#running.set(target.id, { target, delivery, children: [], writing: undefined, next: undefined });
  }

  tell(id: string, state: NewResult): void {
    const running = this.#running.get(id);
    if (running === undefined) return;
    running.next = state;
    running.writing ??= this.#write(running);
  }

  sent(id: string, child: string): void {
    const children = this.#running.get(id)?.children;
    if (children !== undefined && children.length < mostChildren) children.push(child);
  }

  children(id: string, delivery: Delivery): readonly string[] {
    const running = this.#running.get(id);
    return running?.delivery === delivery ? running.children : [];
  }

  /** Nothing more is told of this run. Gives what to wait for, so that the end is the last state that is written. */
  close(id: string, delivery: Delivery): Promise<void> | undefined {
    const running = this.#running.get(id);
    if (running?.delivery !== delivery) return undefined; // a second run of the same task has begun
    this.#running.delete(id);
    running.next = undefined;
    return running.writing;
  }

  async #write(running: Running): Promise<void> {
    const { writer, logger } = this.#parts;
    const { target, delivery } = running;
    for (let state = running.next; state !== undefined; state = running.next) {
      running.next = undefined;
      try {
        await writer.write(target, state, delivery.queue);
      } catch (error) {
        logger.debug('a state could not be told', { id: target.id, state: state.status, error });
      }
    }
    running.writing = undefined;
  }
}
