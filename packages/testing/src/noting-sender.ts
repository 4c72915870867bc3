/** A publisher whose sends are steps of a run. What the broker has confirmed is kept. Changes nothing about them. */
import {
  errorText,
  type EventContract,
  type EventSender,
  type PublishEventOptions,
  type SendManyOptions,
  type SendOptions,
  type SentMessage,
  type TaskContract,
  type TaskSender,
} from '@celeriac/core';

import type { History } from './history.js';

/** A message that the broker has confirmed. */
export interface Confirmed extends SentMessage {
  /** The task's name or the event's type. */
  readonly name: string;
}

export class NotingSender implements TaskSender, EventSender {
  readonly confirmed: Confirmed[] = [];
  #sender: TaskSender & EventSender;
  #history: History;

  constructor(sender: TaskSender & EventSender, history: History) {
    this.#sender = sender;
    this.#history = history;
  }

  async send(task: TaskContract | string, input?: unknown, options?: SendOptions): Promise<SentMessage> {
    const name = typeof task === 'string' ? task : task.name;
    const [receipt] = await this.#noting(name, async () => [
      await this.#sender.send(task as string, input, options),
    ]);
    return receipt as SentMessage;
  }

  sendMany(
    task: TaskContract | string,
    inputs: Iterable<unknown> | AsyncIterable<unknown>,
    options?: SendManyOptions,
  ): Promise<SentMessage[]> {
    const name = typeof task === 'string' ? task : task.name;
    return this.#noting(name, () => this.#sender.sendMany(task as string, inputs, options));
  }

  async publishEvent(
    event: Pick<EventContract, 'object' | 'action'> | string,
    data: unknown,
    options?: PublishEventOptions,
  ): Promise<SentMessage> {
    const name = typeof event === 'string' ? event : `${event.object} ${event.action}`;
    const [receipt] = await this.#noting(name, async () => [
      await this.#sender.publishEvent(event as string, data, options),
    ]);
    return receipt as SentMessage;
  }

  async #noting(name: string, send: () => Promise<SentMessage[]>): Promise<SentMessage[]> {
    this.#history.step(`send ${name}`);
    try {
      const receipts = await send();
      for (const receipt of receipts) {
        this.confirmed.push({ ...receipt, name });
        this.#history.step(`confirmed ${name} ${receipt.id}`);
      }
      return receipts;
    } catch (error) {
      this.#history.step(`not confirmed ${name}: ${errorText(error)}`);
      throw error;
    }
  }
}
