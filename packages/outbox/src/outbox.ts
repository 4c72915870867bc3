/**
 * The writing side of the outbox: tasks and events become rows of the user's own transaction, validated, routed and
 * encoded, with their final ids. Connects to no broker and publishes nothing: the relay does, after the commit.
 */
import { randomUUID } from 'node:crypto';

import {
  type Clock,
  type Config,
  type ConfigInput,
  type ConfigSource,
  type EventContract,
  type Lineage,
  loadConfig,
  messageTooLarge,
  type ObjectChange,
  prepareEvent,
  type PreparedMessage,
  prepareTask,
  producerName,
  type PublishEventOptions,
  type SendOptions,
  serviceName,
  systemClock,
  type TaskContract,
} from '@celeriac/core';

import type { OutboxRecord, OutboxStore } from './ports.js';
import { toRecord } from './record.js';

export interface OutboxOptions<Tx> {
  readonly store: OutboxStore<Tx>;
  /** As of the publisher. Queue routes, names and limits count; no connection is opened. */
  readonly config?: ConfigSource;
  /** Wins over file and environment, key by key. */
  readonly overrides?: ConfigInput;
  /** Variables that override the configuration. Default `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Default: the machine's clock. */
  readonly clock?: Clock;
}

interface Ordered {
  /**
   * Messages with the same key are published one after the other, each after the one before is confirmed, however many
   * relays there are. Default: order of insertion, as long as nothing fails and one relay is at work.
   */
  readonly orderKey?: string;
}

export interface OutboxSendOptions extends Omit<SendOptions, 'timeout'>, Ordered {
  /** The task that sends it: `ctx.message` in a handler. */
  readonly parent?: Lineage;
}

export interface OutboxEventOptions extends Omit<PublishEventOptions, 'timeout'>, Ordered {}

/** The receipt of a message that is sent once the transaction is committed. */
export interface WrittenMessage {
  readonly id: string;
  /** When it is due; absent where that is at once. */
  readonly eta?: Date;
}

/** Creates an outbox. Rejects with ERR_CONFIG_… for a bad configuration. */
export async function createOutbox<Tx>(options: OutboxOptions<Tx>): Promise<Outbox<Tx>> {
  const { store, config: source = {}, env, overrides, clock = systemClock } = options;
  return new Outbox({ store, clock, config: await loadConfig(source, { env, overrides }) });
}

export type { Outbox };

class Outbox<Tx> {
  #store: OutboxStore<Tx>;
  #config: Config;
  #clock: Clock;
  #origin = producerName();

  constructor(parts: { store: OutboxStore<Tx>; config: Config; clock: Clock }) {
    this.#store = parts.store;
    this.#config = parts.config;
    this.#clock = parts.clock;
  }

  /**
   * Writes one task into the transaction. `task` is a contract, or a registered name with untyped input, as of a
   * publisher. Rejects with ERR_INPUT_INVALID, ERR_NOT_SERIALIZABLE or ERR_MESSAGE_TOO_LARGE, or as the database does;
   * the transaction is the caller's to roll back.
   */
  async send<Input>(
    tx: Tx,
    task: TaskContract<Input, unknown, unknown>,
    ...rest: [input: NoInfer<Input>, options?: OutboxSendOptions]
  ): Promise<WrittenMessage>;
  async send(
    tx: Tx,
    task: string,
    ...rest: [input?: unknown, options?: OutboxSendOptions]
  ): Promise<WrittenMessage>;
  async send(
    tx: Tx,
    task: TaskContract | string,
    ...[input, options = {}]: [input?: unknown, options?: OutboxSendOptions]
  ): Promise<WrittenMessage> {
    const prepared = await this.#task(task, input, options);
    await this.#store.write(tx, [prepared.record]);
    return prepared.receipt;
  }

  /** Writes one task per input, in order, all or none of them. */
  async sendMany<Input>(
    tx: Tx,
    task: TaskContract<Input, unknown, unknown>,
    ...rest: [inputs: Iterable<NoInfer<Input>>, options?: Omit<OutboxSendOptions, 'id'>]
  ): Promise<WrittenMessage[]>;
  async sendMany(
    tx: Tx,
    task: string,
    ...rest: [inputs: Iterable<unknown>, options?: Omit<OutboxSendOptions, 'id'>]
  ): Promise<WrittenMessage[]>;
  async sendMany(
    tx: Tx,
    task: TaskContract | string,
    ...[inputs, options = {}]: [inputs: Iterable<unknown>, options?: Omit<OutboxSendOptions, 'id'>]
  ): Promise<WrittenMessage[]> {
    const prepared: Prepared[] = [];
    for (const input of inputs) prepared.push(await this.#task(task, input, options));
    await this.#store.write(
      tx,
      prepared.map(({ record }) => record),
    );
    return prepared.map(({ receipt }) => receipt);
  }

  /** Writes an event into the transaction. Rejects as `send` does. */
  async publishEvent<Values>(
    tx: Tx,
    event: EventContract<Values, unknown>,
    ...rest: [change: ObjectChange<NoInfer<Values>>, options?: OutboxEventOptions]
  ): Promise<WrittenMessage>;
  async publishEvent(
    tx: Tx,
    type: string,
    ...rest: [data: unknown, options?: OutboxEventOptions]
  ): Promise<WrittenMessage>;
  async publishEvent(
    tx: Tx,
    event: EventContract | string,
    ...[change, options = {}]: [change: unknown, options?: OutboxEventOptions]
  ): Promise<WrittenMessage> {
    const parts = {
      config: this.#config,
      clock: this.#clock,
      newId: randomUUID,
      source: serviceName(this.#config),
    };
    const prepared = await prepareEvent(parts, { event, change, options });
    await this.#store.write(tx, [this.#record(prepared, options)]);
    return { id: prepared.id };
  }

  async #task(task: TaskContract | string, input: unknown, options: OutboxSendOptions): Promise<Prepared> {
    const { parent } = options;
    const parts = {
      config: this.#config,
      clock: this.#clock,
      newId: randomUUID,
      origin: this.#origin,
      ...(parent === undefined ? {} : { parent }),
    };
    const prepared = await prepareTask(parts, { task, input, options });
    const { id, eta } = prepared;
    const receipt = { id, ...(eta === undefined ? {} : { eta: new Date(eta) }) };
    return { record: this.#record(prepared, options), receipt };
  }

  #record(message: PreparedMessage, { orderKey }: Ordered): OutboxRecord {
    const limit = this.#config.tasks.max_message_size;
    if (message.body.length > limit) {
      const { body, properties, name } = message;
      const [exchange, routingKey] =
        message.kind === 'task' ? ['', message.queue] : [this.#config.events.exchange, name];
      throw messageTooLarge({ exchange, routingKey, body, properties }, limit);
    }
    return toRecord(message, orderKey);
  }
}

interface Prepared {
  readonly record: OutboxRecord;
  readonly receipt: WrittenMessage;
}
