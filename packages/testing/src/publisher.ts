/**
 * A publisher that remembers instead of publishing: for the side that only sends, a web service for instance. What
 * it is given is validated, routed and encoded as the real one does. Opens no connection.
 */
import { randomUUID } from 'node:crypto';

import {
  type AnySignature,
  BoundTask,
  BrokerEventSender,
  BrokerTaskSender,
  type Clock,
  type Config,
  type ErrorCode,
  type EventSender,
  type KeyStoreSource,
  NamedTask,
  type PreparedSender,
  producerName,
  publishPrepared,
  type ResultStore,
  serviceName,
  systemClock,
  noChords,
  type SentWorkflow,
  SignatureSender,
  type TaskContract,
  type WorkflowOptions,
  type WorkflowSender,
} from '@celeriac/core';

import { AsyncResult, type Receipt, type ResultSender, withResults } from '@celeriac/publisher';

import { Recorder } from './expectations.js';
import { ownKeyStore } from './key-store.js';
import { Outbox } from './outbox.js';
import { allDeclared, type FailOptions, RecordingSink } from './recording-sink.js';
import { loadTestConfig, type TestConfigOptions } from './config.js';

export interface TestPublisherOptions extends TestConfigOptions {
  /** Default: the machine's clock. */
  readonly clock?: Clock;
}

/** Makes a publisher for tests. Rejects with ERR_CONFIG_… for a bad configuration, as `createPublisher` does. */
export async function testPublisher(options: TestPublisherOptions = {}): Promise<TestPublisher> {
  const { config } = await loadTestConfig(options);
  const outbox = new Outbox(config);
  const sink = new RecordingSink({ config, record: (message) => void outbox.add(message, undefined) });
  const { clock = systemClock } = options;
  return new TestPublisher({ config, outbox, sink, clock, keyStore: ownKeyStore(clock) });
}

export interface TestPublisherParts {
  readonly config: Config;
  readonly outbox: Outbox;
  readonly sink: RecordingSink;
  readonly clock: Clock;
  readonly keyStore: KeyStoreSource;
  /** Where results are read; absent: nobody runs what is sent. */
  readonly results?: ResultStore;
}

export class TestPublisher
  extends Recorder
  implements ResultSender, WorkflowSender, EventSender, PreparedSender, AsyncDisposable
{
  /** Of a test application the receipt's `result()` is there once `drain` has run the task. */
  readonly send: ResultSender['send'];
  readonly sendMany: ResultSender['sendMany'];
  readonly publishEvent: EventSender['publishEvent'];
  /** @internal */
  readonly publishPrepared: PreparedSender['publishPrepared'];
  #sink: RecordingSink;
  #workflows: SignatureSender;
  #resultParts: ConstructorParameters<typeof AsyncResult>[1];

  constructor({ config, outbox, sink, clock, keyStore, results: store }: TestPublisherParts) {
    super(outbox, config);
    this.#sink = sink;
    const common = { config, clock, sink, declarer: allDeclared, newId: randomUUID };
    const tasks = new BrokerTaskSender({
      ...common,
      origin: producerName(),
      keyStore,
      replies: store?.replies,
    });
    const events = new BrokerEventSender({ ...common, source: serviceName(config) });
    const { result_expires: longestWait, ignore_result: ignoresResults } = config.tasks;
    this.#resultParts = { store, clock, longestWait };
    const sender = withResults(tasks, { ...this.#resultParts, ignoresResults });
    this.send = sender.send.bind(sender);
    this.sendMany = sender.sendMany.bind(sender);
    this.publishEvent = events.publishEvent.bind(events);
    this.publishPrepared = publishPrepared(tasks, events);
    const chords = (): Promise<never> => Promise.reject(noChords());
    this.#workflows = new SignatureSender({ ...common, origin: producerName(), tasks, chords });
  }

  /** Chains, links and groups; chords are counted in Redis, so they reject with ERR_CHORD_BACKEND. */
  sendWorkflow(workflow: AnySignature, options?: WorkflowOptions): Promise<SentWorkflow> {
    return this.#workflows.send(workflow.wire, {}, options);
  }

  /** The task under Celery's names, as a publisher gives it. */
  task<Input, Output>(task: TaskContract<Input, Output, unknown>): BoundTask<Input, Output, Receipt<Output>>;
  task(name: string): NamedTask<Receipt>;
  task(task: TaskContract | string): BoundTask<never, unknown, Receipt> | NamedTask<Receipt> {
    return typeof task === 'string'
      ? new NamedTask(task, this.send)
      : new BoundTask<unknown, unknown, Receipt>(task, this.send);
  }

  /** What became of the task with this id. */
  result<Output = unknown>(id: string): AsyncResult<Output> {
    return new AsyncResult<Output>(id, this.#resultParts);
  }

  /** There is nothing to wait for. */
  ready(): Promise<void> {
    return Promise.resolve();
  }

  /**
   * The next send or publish rejects with this error, or with one of that code: `'ERR_PUBLISH_TIMEOUT'`. Nothing is
   * remembered of it.
   */
  failNext(error: ErrorCode | Error, options?: FailOptions): void {
    this.#sink.failNext(error, options);
  }

  /** Rejects what is sent from now on with ERR_CLOSED. */
  async close(): Promise<void> {
    await this.#sink.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
