/**
 * An embedded broker for tests of whole services: publishers, workers and whatever else speaks AMQP connect to it as
 * to RabbitMQ. Tells what waits in its queues, and waits for them without sleeping. Injects no faults by itself.
 */
import { AssertionError } from 'node:assert';

import {
  type Clock,
  type ConfigInput,
  type Duration,
  isDelayedTo,
  parseDuration,
  registryQueueName,
  systemClock,
} from '@celeriac/core';
import {
  type BrokerOptions,
  type DevBroker,
  type MessageDescription,
  startBroker,
} from '@celeriac/dev-broker';

export type TestBrokerOptions = Pick<BrokerOptions, 'clock' | 'profile' | 'vhosts'>;

/** What waits in a queue, and who consumes it. */
export interface QueueCounts {
  /** Messages nobody has taken. */
  readonly ready: number;
  /** Messages in hand: delivered and not settled. */
  readonly unacked: number;
  readonly consumers: number;
}

export interface UntilEmptyOptions {
  /** The queues to wait for, with what is delayed on its way to them. Default: all, but for dead letters and the list of applications. */
  readonly queues?: readonly string[];
  /** How long it may take, of the machine's time. Default 30 s. */
  readonly within?: Duration;
}

/** Starts a broker on a free port of loopback. Resolves when it listens. Its `clock` is the time of messages and queues. */
export async function startTestBroker(options: TestBrokerOptions = {}): Promise<TestBroker> {
  return new TestBroker(await startBroker(options));
}

export class TestBroker implements AsyncDisposable {
  /** The broker itself. */
  readonly broker: DevBroker;

  constructor(broker: DevBroker) {
    this.broker = broker;
  }

  /** A connection string for it. */
  get url(): string {
    return this.broker.url;
  }

  /** A configuration that points to it, for `createPublisher` and `createWorker`; pass `env: {}` beside it. */
  get config(): ConfigInput {
    return { events: { connection_string: this.url } };
  }

  /** The names of its queues, sorted. */
  get queues(): readonly string[] {
    return this.broker
      .queues()
      .map(({ name }) => name)
      .sort();
  }

  /** Undefined when there is no such queue. */
  queue(name: string): QueueCounts | undefined {
    const queue = this.broker.queues().find((one) => one.name === name);
    if (queue === undefined) return undefined;
    const { messagesReady: ready, messagesUnacknowledged: unacked, consumers } = queue;
    return { ready, unacked, consumers };
  }

  /**
   * Resolves when nothing waits in the queues and nothing of them is in hand: everything confirmed so far is settled.
   * Rejects with AssertionError, naming what is left, when that takes too long, and for a queue that does not exist.
   */
  async untilEmpty({ queues, within = 30 }: UntilEmptyOptions = {}): Promise<void> {
    const missing = queues?.find((name) => this.queue(name) === undefined);
    if (missing !== undefined) throw noQueue(missing, this.queues);
    const remaining = (): readonly string[] =>
      queues === undefined
        ? this.#work.filter((name) => this.#count(name) > 0)
        : [...queues.filter((name) => this.#count(name) > 0), ...this.#delaysTo(queues)];
    const ended = until(() => remaining().length === 0, {
      broker: this.broker,
      withinMs: parseDuration(within) * 1000,
    });
    if (await ended) return;
    const left = remaining().map((name) => `  ${name}: ${JSON.stringify(this.queue(name))}`);
    throw new AssertionError({
      message: `Expected the queues to become empty within ${within}${typeof within === 'number' ? ' s' : ''}. Left are:\n${left.join('\n')}`,
      actual: left,
      expected: [],
      operator: 'untilEmpty',
    });
  }

  async stop(): Promise<void> {
    await this.broker.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  get #work(): readonly string[] {
    return this.queues.filter((name) => name !== registryQueueName && !name.endsWith('.dead-letter'));
  }

  /** The delay queues in which something waits for one of these queues. */
  #delaysTo(queues: readonly string[]): readonly string[] {
    const isMeant = (message: MessageDescription): boolean =>
      queues.some((queue) => isDelayedTo(queue, message));
    const delays = this.queues.filter((name) => name.startsWith('celery_delayed_') && this.#count(name) > 0);
    return delays.filter((name) => this.broker.messages(name).some(isMeant));
  }

  #count(name: string): number {
    const { ready, unacked } = this.queue(name) ?? { ready: 0, unacked: 0 };
    return ready + unacked;
  }
}

interface Waiting {
  readonly broker: DevBroker;
  readonly withinMs: number;
}

/** Looks whenever a message has left a queue. False when the time is over. */
async function until(isTrue: () => boolean, { broker, withinMs }: Waiting): Promise<boolean> {
  if (isTrue()) return true;
  const clock: Clock = systemClock;
  return new Promise((resolve) => {
    const end = (result: boolean): void => {
      forget();
      timer.cancel();
      resolve(result);
    };
    const forget = broker.onLeft(() => isTrue() && end(true));
    const timer = clock.after(withinMs, () => end(isTrue()));
  });
}

function noQueue(name: string, known: readonly string[]): AssertionError {
  return new AssertionError({
    message: `There is no queue '${name}' to wait for. There are: ${known.join(', ')}.`,
    actual: known,
    expected: [name],
    operator: 'untilEmpty',
  });
}
