/**
 * The publisher: sends tasks and events from any service. Connects in the background and keeps its connections;
 * every call settles by its deadline with what is known about the message. Loads no handler code and no worker.
 */
import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';

import {
  type BrokerAccess,
  brokerAccess,
  BrokerEventSender,
  BrokerTaskSender,
  type CeleriacError,
  type Clock,
  type Config,
  type ConfigInput,
  type ConfigSource,
  type Duration,
  type EventSender,
  guarded,
  isOneBroker,
  keyStoreSource,
  type KeyStoreSource,
  loadConfig,
  notifier,
  type Logger,
  openPublishing,
  parseDuration,
  type PreparedSender,
  producerName,
  publishPrepared,
  type Publishing,
  serviceName,
  silentLogger,
  systemClock,
  type TaskSender,
  type Tell,
  waitAtMost,
} from '@celeriac/core';

export interface PublisherOptions {
  /** A file (YAML or JSON), or the configuration itself. Default: environment variables and defaults only. */
  readonly config?: ConfigSource;
  /** Wins over file and environment, key by key. */
  readonly overrides?: ConfigInput;
  /** Default: writes nothing. */
  readonly logger?: Logger;
  /** Default: the machine's clock. */
  readonly clock?: Clock;
  /** Variables that override the configuration. Default `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface PublisherEvents {
  /** Connected: the first time, or again. */
  restored: [generation: number];
  lost: [error: CeleriacError];
  /** The broker takes no messages for now, and why. */
  blocked: [reason: string];
  unblocked: [];
  'connect-failed': [error: CeleriacError];
}

export interface CloseOptions {
  /** How long to wait for confirms that are outstanding. Default 5 s; what is unsettled then rejects with ERR_CLOSED. */
  readonly timeout?: Duration;
}

/**
 * Creates a publisher. Rejects with ERR_CONFIG_… or ERR_CONNECTION_STRING for a bad configuration; never waits for
 * the broker: sends wait, within their deadline, and `ready()` does.
 */
export async function createPublisher(options: PublisherOptions = {}): Promise<Publisher> {
  const { logger = silentLogger, clock = systemClock, config: source = {}, env, overrides } = options;
  const config = await loadConfig(source, { env, overrides });
  const guardedLogger = guarded(logger);
  const access = await brokerAccess(config, guardedLogger);
  return new Publisher({ config, logger: guardedLogger, clock, access });
}

export type { Publisher };

class Publisher implements TaskSender, EventSender, PreparedSender, AsyncDisposable {
  readonly send: TaskSender['send'];
  readonly sendMany: TaskSender['sendMany'];
  readonly publishEvent: EventSender['publishEvent'];
  /** @internal */
  readonly publishPrepared: PreparedSender['publishPrepared'];
  #clock: Clock;
  #forTasks: Publishing;
  #forEvents: Publishing;
  #keyStore: KeyStoreSource;
  #listeners = new EventEmitter<PublisherEvents>();
  #closing: Promise<void> | undefined;

  constructor(parts: { config: Config; logger: Logger; clock: Clock; access: BrokerAccess }) {
    const { config, clock } = parts;
    this.#clock = clock;
    this.#forTasks = openPublishing(parts, 'tasks');
    this.#forEvents = isOneBroker(config) ? this.#forTasks : openPublishing(parts, 'events');
    const common = { config, clock, newId: randomUUID };
    this.#keyStore = keyStoreSource({
      config: config.key_store,
      name: `${serviceName(config)} publisher`,
      logger: parts.logger,
      clock,
      tls: parts.access.tls,
    });
    const own = { origin: producerName(), keyStore: this.#keyStore };
    const tasks = new BrokerTaskSender({ ...common, ...this.#forTasks, ...own });
    const events = new BrokerEventSender({
      ...common,
      ...this.#forEvents,
      source: serviceName(config),
    });
    this.send = tasks.send.bind(tasks);
    this.sendMany = tasks.sendMany.bind(tasks);
    this.publishEvent = events.publishEvent.bind(events);
    this.publishPrepared = publishPrepared(tasks, events);
    const tell = notifier(this.#listeners, parts.logger);
    for (const { session } of this.#sides()) forward(session, tell);
  }

  /**
   * Resolves when every connection is up. Rejects at once when the broker refuses user, password or virtual host,
   * and at `timeout` (default 30 s) with why it is not reachable.
   */
  async ready(options: { readonly timeout?: Duration } = {}): Promise<void> {
    const timeoutMs = parseDuration(options.timeout ?? 30) * 1000;
    await Promise.all(this.#sides().map(({ session }) => session.ready({ timeoutMs })));
  }

  /** Watches the connections. A listener that throws is logged, and changes nothing. */
  on<Name extends keyof PublisherEvents>(
    event: Name,
    listener: (...args: PublisherEvents[Name]) => void,
  ): this {
    this.#listeners.on(event, listener as never);
    return this;
  }

  off<Name extends keyof PublisherEvents>(
    event: Name,
    listener: (...args: PublisherEvents[Name]) => void,
  ): this {
    this.#listeners.off(event, listener as never);
    return this;
  }

  /** Waits for outstanding confirms, within the timeout, and closes the connections. Idempotent. */
  async close({ timeout = 5 }: CloseOptions = {}): Promise<void> {
    const timeoutMs = parseDuration(timeout) * 1000;
    this.#closing ??= this.#close(timeoutMs);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(timeoutMs: number): Promise<void> {
    const drained = Promise.all(this.#sides().map(({ sink }) => sink.drain()));
    await waitAtMost(this.#clock, timeoutMs, drained);
    await Promise.all(
      this.#sides().map(async ({ sink, session }) => {
        // The session first: a channel cannot be closed politely over a connection that is blocked or gone.
        const closed = sink.close();
        await session.close();
        await closed;
      }),
    );
    await this.#keyStore.close();
  }

  #sides(): readonly Publishing[] {
    return this.#forEvents === this.#forTasks ? [this.#forTasks] : [this.#forTasks, this.#forEvents];
  }
}

function forward({ events }: Publishing['session'], tell: Tell<PublisherEvents>): void {
  events.on('restored', (generation) => tell('restored', generation));
  events.on('lost', (error) => tell('lost', error));
  events.on('blocked', (reason) => tell('blocked', reason));
  events.on('unblocked', () => tell('unblocked'));
  events.on('connect-failed', (error) => tell('connect-failed', error));
}
