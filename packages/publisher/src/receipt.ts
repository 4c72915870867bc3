/** The receipt of a task that the broker has confirmed, and the way to its result. Sends nothing. */
import type { SendManyOptions, SendOptions, SentMessage, TaskContract, TaskSender } from '@celeriac/core';

import { AsyncResult, type ResultParts } from './async-result.js';

/** `Output` is what the contract says that the task returns. */
export class Receipt<Output = unknown> extends AsyncResult<Output> implements SentMessage {
  readonly exchange: string;
  readonly routingKey: string;
  /** When it is due; absent where that is at once. */
  declare readonly eta?: Date;
  /** The id of the task that waits or runs already, where `unique` sent nothing; `id` is the same then. */
  declare readonly duplicateOf?: string;

  constructor({ id, exchange, routingKey, eta, duplicateOf }: SentMessage, parts: ResultParts) {
    super(id, parts);
    this.exchange = exchange;
    this.routingKey = routingKey;
    if (eta !== undefined) this.eta = eta;
    if (duplicateOf !== undefined) this.duplicateOf = duplicateOf;
  }
}

/** A TaskSender whose receipts lead to results. */
export interface ResultSender extends TaskSender {
  send<Input, Output>(
    task: TaskContract<Input, Output, unknown>,
    input: NoInfer<Input>,
    options?: SendOptions,
  ): Promise<Receipt<Output>>;
  send(task: string, input?: unknown, options?: SendOptions): Promise<Receipt>;
  sendMany<Input, Output>(
    task: TaskContract<Input, Output, unknown>,
    inputs: Iterable<NoInfer<Input>> | AsyncIterable<NoInfer<Input>>,
    options?: SendManyOptions,
  ): Promise<Receipt<Output>[]>;
  sendMany(
    task: string,
    inputs: Iterable<unknown> | AsyncIterable<unknown>,
    options?: SendManyOptions,
  ): Promise<Receipt[]>;
}

interface ReceiptParts extends ResultParts {
  /** `tasks.ignore_result`. */
  readonly ignoresResults: boolean;
}

/** The same sender, with receipts that read results. @internal */
export function withResults(sender: TaskSender, { ignoresResults, ...parts }: ReceiptParts): ResultSender {
  const given = (task: TaskContract | string, options: SendManyOptions = {}): ResultParts => {
    const own = typeof task === 'string' ? undefined : task.ignoreResult;
    return { ...parts, isIgnored: options.ignoreResult ?? own ?? ignoresResults };
  };
  return {
    send: async (task: TaskContract | string, input?: unknown, options?: SendOptions) =>
      new Receipt<never>(await sender.send(task as string, input, options), given(task, options)),
    sendMany: async (
      task: TaskContract | string,
      inputs: Iterable<unknown> | AsyncIterable<unknown>,
      options?: SendManyOptions,
    ) => {
      const all = given(task, options);
      return (await sender.sendMany(task as string, inputs, options)).map(
        (sent) => new Receipt<never>(sent, all),
      );
    },
  };
}
