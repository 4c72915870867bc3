/**
 * A publisher that remembers instead of publishing: for the side that only sends, a web service for instance. What
 * it is given is validated, routed and encoded as the real one does. Opens no connection.
 */
import { randomUUID } from 'node:crypto';

import {
  type AnySignature,
  BrokerEventSender,
  BrokerTaskSender,
  type Clock,
  type Config,
  type ErrorCode,
  type EventSender,
  type KeyStoreSource,
  type PreparedSender,
  producerName,
  publishPrepared,
  serviceName,
  systemClock,
  noChords,
  type SentWorkflow,
  SignatureSender,
  type TaskSender,
  type WorkflowOptions,
  type WorkflowSender,
} from '@celeriac/core';

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
}

export class TestPublisher
  extends Recorder
  implements TaskSender, WorkflowSender, EventSender, PreparedSender, AsyncDisposable
{
  readonly send: TaskSender['send'];
  readonly sendMany: TaskSender['sendMany'];
  readonly publishEvent: EventSender['publishEvent'];
  /** @internal */
  readonly publishPrepared: PreparedSender['publishPrepared'];
  #sink: RecordingSink;
  #workflows: SignatureSender;

  constructor({ config, outbox, sink, clock, keyStore }: TestPublisherParts) {
    super(outbox, config);
    this.#sink = sink;
    const common = { config, clock, sink, declarer: allDeclared, newId: randomUUID };
    const tasks = new BrokerTaskSender({ ...common, origin: producerName(), keyStore });
    const events = new BrokerEventSender({ ...common, source: serviceName(config) });
    this.send = tasks.send.bind(tasks);
    this.sendMany = tasks.sendMany.bind(tasks);
    this.publishEvent = events.publishEvent.bind(events);
    this.publishPrepared = publishPrepared(tasks, events);
    const chords = (): Promise<never> => Promise.reject(noChords());
    this.#workflows = new SignatureSender({ ...common, origin: producerName(), tasks, chords });
  }

  /** Chains, links and groups; chords are counted in Redis, so they reject with ERR_CHORD_BACKEND. */
  sendWorkflow(workflow: AnySignature, options?: WorkflowOptions): Promise<SentWorkflow> {
    return this.#workflows.send(workflow.wire, {}, options);
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
