/**
 * The publisher: sends tasks and events from any service. Connects in the background and keeps its connections;
 * every call settles by its deadline with what is known about the message. Loads no handler code and no worker.
 */
import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';

import {
  type BrokerAccess,
  BoundTask,
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
  loadSigning,
  NamedTask,
  noChords,
  notifier,
  type Logger,
  openPublishing,
  openResultStore,
  openSentEvents,
  parseDuration,
  PayloadCheckIn,
  type PayloadStore,
  type PreparedSender,
  producerName,
  publishPrepared,
  type Publishing,
  type SectionSigning,
  serviceName,
  RemoteControl,
  type ResultStore,
  type Signing,
  SignatureSender,
  signingSink,
  silentLogger,
  systemClock,
  type TaskContract,
  type TaskCanceller,
  type TaskSenderParts,
  type Tell,
  waitAtMost,
} from '@celeriac/core';

import { type WorkflowResultSender, withWorkflowResults } from './canvas/send-workflow.js';
import { AsyncResult, type ResultParts } from './async-result.js';
import { type Receipt, type ResultSender, withResults } from './receipt.js';

export interface PublisherOptions {
  /** A file (YAML or JSON), or the configuration itself. Default: environment variables and defaults only. */
  readonly config?: ConfigSource;
  /** Wins over file and environment, key by key. */
  readonly overrides?: ConfigInput;
  /** Default: writes nothing. */
  readonly logger?: Logger;
  /** Default: the machine's clock. */
  readonly clock?: Clock;
  /** Keeps bodies larger than `tasks.payload_threshold`; messages then carry a reference. Default: none, and they are sent. */
  readonly payloadStore?: PayloadStore;
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
 * Creates a publisher. Rejects with ERR_CONFIG_…, ERR_CONNECTION_STRING or ERR_SIGNING_KEY for a bad configuration; never waits for
 * the broker: sends wait, within their deadline, and `ready()` does.
 */
export async function createPublisher(options: PublisherOptions = {}): Promise<Publisher> {
  const { logger = silentLogger, clock = systemClock, config: source = {}, env, overrides } = options;
  const config = await loadConfig(source, { env, overrides });
  const guardedLogger = guarded(logger);
  const signing = await loadSigning(config, clock);
  const access = await brokerAccess(config, guardedLogger);
  const { payloadStore } = options;
  return new Publisher({ config, logger: guardedLogger, clock, access, signing, payloadStore });
}

export type { Publisher };

interface PublisherParts {
  readonly config: Config;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly access: BrokerAccess;
  readonly signing: Signing;
  readonly payloadStore: PayloadStore | undefined;
}

class Publisher
  implements ResultSender, WorkflowResultSender, TaskCanceller, EventSender, PreparedSender, AsyncDisposable
{
  readonly send: ResultSender['send'];
  readonly sendMany: ResultSender['sendMany'];
  readonly sendWorkflow: WorkflowResultSender['sendWorkflow'];
  readonly publishEvent: EventSender['publishEvent'];
  readonly cancel: TaskCanceller['cancel'];
  /** @internal */
  readonly publishPrepared: PreparedSender['publishPrepared'];
  #clock: Clock;
  #results: ResultStore | undefined;
  #resultParts: ResultParts;
  #forTasks: Publishing;
  #forEvents: Publishing;
  #keyStore: KeyStoreSource;
  #listeners = new EventEmitter<PublisherEvents>();
  #closing: Promise<void> | undefined;

  constructor(parts: PublisherParts) {
    const { config, clock, logger, signing, payloadStore: store } = parts;
    this.#clock = clock;
    this.#forTasks = openPublishing(parts, 'tasks');
    this.#forEvents = isOneBroker(config) ? this.#forTasks : openPublishing(parts, 'events');
    const common = { config, clock, newId: randomUUID };
    const results = openResultStore({ ...parts, publishing: this.#forTasks, newId: randomUUID });
    this.#results = results;
    const { result_expires: longestWait, ignore_result: ignoresResults } = config.tasks;
    this.#resultParts = { store: results, clock, longestWait };
    const replies = results?.replies;
    const payloads = new PayloadCheckIn({ store, config: config.tasks, logger, clock });
    this.#keyStore = keyStoreSource({
      config: config.key_store,
      name: `${serviceName(config)} publisher`,
      logger: parts.logger,
      clock,
      tls: parts.access.tls,
    });
    const tasks = new BrokerTaskSender({
      ...common,
      ...signed(this.#forTasks, signing.tasks),
      origin: producerName(),
      sentEvents: openSentEvents({ ...common, sink: this.#forTasks.transient, origin: producerName() }),
      replies,
      payloads,
      keyStore: this.#keyStore,
    });
    const events = new BrokerEventSender({
      ...common,
      ...signed(this.#forEvents, signing.events),
      source: serviceName(config),
    });
    const sender = withResults(tasks, { ...this.#resultParts, ignoresResults });
    this.send = sender.send.bind(sender);
    this.sendMany = sender.sendMany.bind(sender);
    this.publishEvent = events.publishEvent.bind(events);
    const control = new RemoteControl({ ...common, ...this.#forTasks });
    this.cancel = control.cancel.bind(control);
    const workflows = openWorkflows({ ...common, tasks, results, ignoresResults });
    this.sendWorkflow = withWorkflowResults(workflows, {
      ...this.#resultParts,
      canceller: control,
    }).sendWorkflow;
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

  /**
   * The task under Celery's names: `task(add).delay(…)`, `.applyAsync(…)`, `.s(…)`, `.si(…)`. By bare name arguments are
   * positional, as in Python. Sends nothing by itself.
   */
  task<Input, Output>(task: TaskContract<Input, Output, unknown>): BoundTask<Input, Output, Receipt<Output>>;
  task(name: string): NamedTask<Receipt>;
  task(task: TaskContract | string): BoundTask<never, unknown, Receipt> | NamedTask<Receipt> {
    return typeof task === 'string'
      ? new NamedTask(task, this.send)
      : new BoundTask<unknown, unknown, Receipt>(task, this.send);
  }

  /** What became of the task with this id. With `rpc://` only of tasks that this publisher sent. */
  result<Output = unknown>(id: string): AsyncResult<Output> {
    return new AsyncResult<Output>(id, this.#resultParts);
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
    await Promise.all([this.#results?.close(), this.#forTasks.transient.close()]);
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

interface WorkflowSendingParts extends Pick<TaskSenderParts, 'config' | 'clock' | 'newId'> {
  readonly tasks: BrokerTaskSender;
  readonly results: ResultStore | undefined;
  readonly ignoresResults: boolean;
}

function openWorkflows({ results, ignoresResults, ...parts }: WorkflowSendingParts): SignatureSender {
  const chords = results?.chords;
  return new SignatureSender({
    ...parts,
    origin: producerName(),
    replies: results?.replies,
    ignoresResults: results === undefined || ignoresResults,
    chords: () => (chords === undefined ? Promise.reject(noChords()) : Promise.resolve(chords)),
  });
}

/** What senders need, signing where there is a key. */
function signed(
  { sink, declarer }: Publishing,
  { signer }: SectionSigning,
): Pick<TaskSenderParts, 'sink' | 'declarer'> {
  return { declarer, sink: signingSink(sink, signer) };
}

function forward({ events }: Publishing['session'], tell: Tell<PublisherEvents>): void {
  events.on('restored', (generation) => tell('restored', generation));
  events.on('lost', (error) => tell('lost', error));
  events.on('blocked', (reason) => tell('blocked', reason));
  events.on('unblocked', () => tell('unblocked'));
  events.on('connect-failed', (error) => tell('connect-failed', error));
}
