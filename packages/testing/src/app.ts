/**
 * The handlers of an application under test, run one message at a time through the worker's own path: encode, decode,
 * validate, execute, judge, settle. No network and no broker; what handlers send is remembered.
 */
import {
  applicationQueueName,
  CeleriacError,
  type Clock,
  type Config,
  deadLetterHeaders,
  delayedSeconds,
  delayedTarget,
  type Duration,
  type ErrorCode,
  type EventContract,
  type KeyStoreSource,
  type Logger,
  type ObjectChange,
  type PublishEventOptions,
  type SendOptions,
  silentLogger,
  systemClock,
  type TaskContract,
} from '@celeriac/core';
import { builtInNames, createWorkerOver, type StopReport, type Worker } from '@celeriac/worker';

import { drained, type DrainOptions, type Due, Pending } from './drain.js';
import { encodedEvent, encodedTask } from './encoded.js';
import { Recorder } from './expectations.js';
import { ownKeyStore } from './key-store.js';
import { MemoryResults } from './memory-results.js';
import { MemorySide } from './memory-side.js';
import { Outbox, type Recorded } from './outbox.js';
import { rawMessage, type RawMessage } from './raw-message.js';
import { type FailOptions, RecordingSink } from './recording-sink.js';
import { currentRun, Run, type RunInput } from './run.js';
import { EventResult, type RunResult } from './run-result.js';
import { loadTestConfig, type TestConfigOptions } from './config.js';
import { TestPublisher } from './publisher.js';
import { advanceUntil, VirtualClock } from './virtual-clock.js';
import type { WireMessage } from './wire.js';

export interface TestAppOptions extends TestConfigOptions {
  /** Registers the handlers: the function that a module of `celeriac worker --require` exports. */
  readonly register: (worker: Worker) => unknown;
  /** Default: the machine's clock. `virtualClock()` lets a test move the time. */
  readonly clock?: Clock;
  /** Default: writes nothing. */
  readonly logger?: Logger;
}

export interface RunOptions extends SendOptions {
  /** True: as if the broker had delivered it before. Default false. */
  readonly redelivered?: boolean;
}

/**
 * Registers the handlers and starts. Rejects with what `register` throws, ERR_CONFIG_…, or ERR_WORKER_STATE when
 * nothing is registered.
 */
export async function testApp(options: TestAppOptions): Promise<TestApp> {
  const { config, given } = await loadTestConfig(options);
  const { clock = systemClock, logger = silentLogger } = options;
  const parts = new Parts(config, clock);
  const worker = createWorkerOver(() => parts.side, {
    ...given,
    clock,
    logger,
    keyStore: parts.keyStore,
    results: parts.results,
  });
  await options.register(worker);
  worker.on('started', ({ id, name }) => {
    const run = currentRun();
    if (run !== undefined) run.by = { id, name };
  });
  worker.on('settled', (settled) => currentRun()?.report(settled));
  const { tasks, applications } = await worker.start();
  return new TestApp(parts, worker, { tasks, applications: applications.map(({ name }) => name) });
}

export type { TestApp };

/** What sends go to: the outbox, what is pending, and the side that stands for a broker. */
class Parts {
  readonly config: Config;
  readonly clock: Clock;
  readonly outbox: Outbox;
  readonly pending: Pending = new Pending();
  readonly sink: RecordingSink;
  readonly side: MemorySide;
  readonly keyStore: KeyStoreSource;
  readonly results: MemoryResults;

  constructor(config: Config, clock: Clock) {
    this.config = config;
    this.clock = clock;
    this.keyStore = ownKeyStore(clock);
    this.results = new MemoryResults(clock);
    this.outbox = new Outbox(config);
    this.sink = new RecordingSink({
      config,
      record: (message) => this.#record(message),
      isSpared: ({ properties }) => properties.headers?.[deadLetterHeaders.reason] !== undefined,
    });
    this.side = new MemorySide(this.sink);
  }

  #record(message: WireMessage): void {
    const run = currentRun();
    if (run?.noteDeadLetter(message) === true) return;
    if (run?.noteAgain(message) === true) {
      const recorded = this.outbox.read(message);
      const { queue, application } = run.options;
      this.pending.add({ recorded, at: this.#dueTime(recorded), to: { queue, application } });
      return;
    }
    const recorded = this.outbox.add(message, run?.by);
    run?.note(recorded);
    this.pending.add({ recorded, at: this.#dueTime(recorded) });
  }

  /** A task that has one knows its moment; others have only the whole seconds that their delay has. */
  #dueTime({ wire, content }: Recorded): number | undefined {
    const now = this.clock.now();
    const eta = content.kind === 'task' ? content.task.message.eta : undefined;
    return eta !== undefined && eta > now ? eta : now + delayedSeconds(wire) * 1000;
  }
}

class TestApp extends Recorder implements AsyncDisposable {
  /** Names of the registered tasks and applications. */
  readonly registered: { readonly tasks: readonly string[]; readonly applications: readonly string[] };
  /** Sends and publishes what `sent`, `published` and `drain` then know: the web service beside these handlers. */
  readonly publisher: TestPublisher;
  #parts: Parts;
  #worker: Worker;

  constructor(parts: Parts, worker: Worker, registered: TestApp['registered']) {
    super(parts.outbox, parts.config);
    this.#parts = parts;
    this.#worker = worker;
    this.registered = registered;
    this.publisher = new TestPublisher(parts);
  }

  /**
   * Runs one task as if it had been sent and delivered. By contract the input is validated at sending, so a wrong
   * one rejects with ERR_INPUT_INVALID; by name it is validated at the receiving side only, and the result says
   * `'invalid'`. Every other ending is a result too.
   */
  run<Input, Output>(
    task: TaskContract<Input, Output, unknown>,
    input: NoInfer<Input>,
    options?: RunOptions,
  ): Promise<RunResult<Output>>;
  run(task: string, input?: unknown, options?: RunOptions): Promise<RunResult>;
  async run(
    task: TaskContract | string,
    input?: unknown,
    { redelivered = false, ...options }: RunOptions = {},
  ): Promise<RunResult> {
    const message = await encodedTask(this.#parts, { task, input, options });
    return this.#runTask(message, redelivered, delayedTarget(message));
  }

  /**
   * Publishes one event to the applications registered here: the handlers of those whose patterns match it run. Reaching
   * none is a result without applications, not an error: others may be registered elsewhere.
   */
  publishEvent<Values>(
    event: EventContract<Values, unknown>,
    change: ObjectChange<NoInfer<Values>>,
    options?: PublishEventOptions,
  ): Promise<EventResult>;
  publishEvent(type: string, data: unknown, options?: PublishEventOptions): Promise<EventResult>;
  async publishEvent(
    event: EventContract | string,
    data: unknown,
    options: PublishEventOptions = {},
  ): Promise<EventResult> {
    const message = await encodedEvent(this.#parts, { event, data, options });
    return new EventResult(
      String(message.properties.messageId),
      message.routingKey,
      await this.#runEvent(message),
    );
  }

  /** Delivers any message at all: malformed, unknown, from a stranger. Rejects for an application that is not registered. */
  async deliver(raw: RawMessage): Promise<RunResult> {
    const { config } = this.#parts;
    const { application, redelivered = false } = raw;
    const own =
      application === undefined ? config.task_handler.queues[0] : applicationQueueName(config, application);
    const queue = raw.queue ?? own ?? config.tasks.default_queue;
    const message = rawMessage(raw, { queue, exchange: config.events.exchange });
    if (application === undefined) return this.#runTask({ ...message }, redelivered, queue);
    return this.#execute({ queue: own as string, application, redelivered, message });
  }

  /**
   * Runs the tasks that were sent to handlers registered here, and the events their applications want; then what those
   * sent, until nothing is left. What is not due yet stays for a later call. Gives the results in order. Rejects with
   * AssertionError when it finds no end.
   */
  drain({ limit = 1000 }: DrainOptions = {}): Promise<readonly RunResult[]> {
    const { pending, clock } = this.#parts;
    return drained({ pending, limit, now: () => clock.now(), run: (due) => this.#runDue(due) });
  }

  /** The next send or publish of a handler rejects with this error, or with one of that code: `'ERR_PUBLISH_TIMEOUT'`. */
  failNext(error: ErrorCode | Error, options?: FailOptions): void {
    this.#parts.sink.failNext(error, options);
  }

  /** Stops as a worker does on SIGTERM: running handlers may finish within the grace, then their signals fire. */
  stop(options?: { readonly grace?: Duration }): Promise<StopReport> {
    return this.#worker.stop(options);
  }

  override clear(): void {
    super.clear();
    this.#parts.pending.clear();
  }

  /** Stops without grace. A virtual clock is moved on as far as that takes. */
  async close(): Promise<void> {
    const { clock } = this.#parts;
    const stopped = this.stop({ grace: 0 });
    if (clock instanceof VirtualClock) await advanceUntil(clock, stopped);
    await stopped;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #runDue({ recorded: { wire, content }, to }: Due): Promise<readonly RunResult[]> {
    if (to !== undefined) return [await this.#execute({ ...to, redelivered: false, message: wire })];
    switch (content.kind) {
      case 'task': {
        const { task, queue } = content.task;
        const isKnown = this.registered.tasks.includes(task) || builtInNames.includes(task);
        return isKnown ? [await this.#runTask(wire, false, queue)] : [];
      }
      case 'event':
        return this.#runEvent(wire);
      case 'other':
        return [];
    }
  }

  /** Any of the worker's task consumers will do: they share their slots and their handlers. */
  #runTask(
    message: WireMessage,
    redelivered: boolean,
    queue: string = message.routingKey,
  ): Promise<RunResult> {
    return this.#execute({ queue, application: undefined, redelivered, message });
  }

  #runEvent(message: WireMessage): Promise<readonly RunResult[]> {
    const { config, side } = this.#parts;
    const reached = new Set(side.queuesFor(message.exchange, message.routingKey));
    const applications = this.registered.applications
      .map((application) => ({ application, queue: applicationQueueName(config, application) }))
      .filter(({ queue }) => reached.has(queue));
    return Promise.all(applications.map((one) => this.#execute({ ...one, redelivered: false, message })));
  }

  #execute(input: RunInput): Promise<RunResult> {
    const { side, config } = this.#parts;
    const queues =
      input.application === undefined ? [input.queue, ...config.task_handler.queues] : [input.queue];
    const consumer = queues.map((queue) => side.consumer(queue)).find((one) => one !== undefined);
    if (consumer === undefined) return Promise.reject(notRegistered(input));
    return new Run(input).execute((delivery) => consumer.deliver(delivery));
  }
}

function notRegistered({ application }: RunInput): CeleriacError {
  const what = application === undefined ? 'No task' : `The application '${application}'`;
  return new CeleriacError('ERR_WORKER_STATE', {
    message: `${what} is ${application === undefined ? '' : 'not '}registered in this test app.`,
    hint: 'Register it in the function given as register.',
    values: { application },
  });
}
