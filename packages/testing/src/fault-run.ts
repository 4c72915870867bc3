/**
 * One run of handlers under the faults of one seed, over an embedded broker: sends, faults, the way to the end, and
 * which promises were broken. Judges nothing about the handlers' own work.
 */
import {
  compilePattern,
  type ConfigInput,
  delayedTarget,
  errorText,
  type EventSender,
  isCeleriacError,
  isDelayedTo,
  type LogFields,
  type Logger,
  seededRandom,
  silentLogger,
  systemClock,
  type TaskSender,
} from '@celeriac/core';
import { createPublisher } from '@celeriac/publisher';
import { createWorker, type Settled, type Worker, type WorkerDescription } from '@celeriac/worker';

import type { FaultSource } from './faults.js';
import { History } from './history.js';
import { type Confirmed, NotingSender } from './noting-sender.js';
import { startTestBroker, type TestBroker } from './broker.js';

/** What a scenario has to work with. */
export interface FaultTools {
  readonly seed: number;
  /** Chance that the seed decides. Not that of the faults. */
  readonly random: () => number;
  /** Sends tasks and publishes events over the faulty broker. */
  readonly publisher: TaskSender & EventSender;
}

/** A run at its end, for checks of one's own. */
export interface FinishedRun {
  readonly seed: number;
  /** Everything that the scenario sent and the broker confirmed. */
  readonly confirmed: readonly Confirmed[];
  /** Every delivery that the worker settled, in order: an id may be there more than once. */
  readonly settled: readonly Settled[];
  /** Ids in dead-letter queues. */
  readonly deadLetters: readonly string[];
  /** Step by step, with the faults. */
  readonly history: readonly string[];
}

export interface FaultRunOptions {
  readonly seed: number;
  readonly faults: FaultSource;
  readonly register: (worker: Worker) => unknown;
  readonly scenario: (tools: FaultTools) => unknown;
  readonly check: ((run: FinishedRun) => unknown) | undefined;
  readonly config: ConfigInput;
  /** Seconds. */
  readonly endWithin: number;
  /** Seconds. */
  readonly stopWithin: number;
}

export interface FaultRunReport extends FinishedRun {
  readonly faults: number;
  /** Promises that were broken; empty for a good run. */
  readonly broken: readonly Broken[];
}

export interface Broken {
  readonly what: string;
  readonly cause?: unknown;
}

/** Never rejects for a broken promise: that is what it reports. */
export async function faultRun(options: FaultRunOptions): Promise<FaultRunReport> {
  await using broker = await startTestBroker();
  return await new FaultRun(options, broker).execute();
}

class FaultRun {
  #options: FaultRunOptions;
  #broker: TestBroker;
  #history: History;
  #settled: Settled[] = [];
  #broken: Broken[] = [];
  #endFaults: () => void;

  constructor(options: FaultRunOptions, broker: TestBroker) {
    this.#options = options;
    this.#broker = broker;
    const faults = options.faults(broker.broker, seededRandom(options.seed));
    this.#history = new History(faults);
    this.#endFaults = () => faults.end();
  }

  async execute(): Promise<FaultRunReport> {
    const { seed, scenario, register } = this.#options;
    const config = this.#config;
    const worker = createWorker({ config, env: {}, logger: this.#logger });
    await register(worker);
    this.#watch(worker);
    const description = await worker.start();
    const publisher = await createPublisher({ config, env: {} });
    const noting = new NotingSender(publisher, this.#history);
    try {
      // Other dice than the faults': what the scenario draws must not move them.
      const tools = { seed, random: seededRandom(~seed), publisher: noting };
      await this.#keep('the scenario failed', () => scenario(tools));
      this.#endFaults();
      this.#history.note('no further faults');
      await this.#end(description);
    } finally {
      this.#endFaults();
      await publisher.close();
      await this.#stop(worker);
    }
    return this.#report(noting.confirmed, description);
  }

  get #config(): ConfigInput {
    const { config } = this.#options;
    const events = { reconnect_max_delay: '200ms', ...config.events, connection_string: this.#broker.url };
    return { ...config, events };
  }

  /** Hears of settlements that the broker refused: the message was settled before. */
  get #logger(): Logger {
    return {
      ...silentLogger,
      warn: (_message, fields) => {
        if (isRefusedSettlement(fields))
          this.#broken.push({ what: `a delivery was settled twice: ${errorText(fields?.error)}` });
      },
    };
  }

  #watch(worker: Worker): void {
    worker.on('started', ({ name, id, redelivered }) =>
      this.#history.step(`${redelivered ? 'started again' : 'started'} ${name} ${id}`),
    );
    worker.on('settled', (settled) => {
      const { name = '?', id = '?', verdict, outcome } = settled;
      this.#settled.push(settled);
      this.#history.step(`${outcome.kind} ${name} ${id}, ${verdict.kind}`);
    });
  }

  /** Waits until nothing is left of what the worker consumes. */
  async #end({ queues, applications }: WorkerDescription): Promise<void> {
    const names = [...queues, ...applications.map(({ queue }) => queue)];
    await this.#keep('what was left did not come to an end', () =>
      this.#broker.untilEmpty({ queues: names, within: this.#options.endWithin }),
    );
  }

  async #stop(worker: Worker): Promise<void> {
    const { stopWithin } = this.#options;
    const before = systemClock.monotonic();
    const { drained, unfinished } = await worker.stop({ grace: stopWithin });
    const seconds = (systemClock.monotonic() - before) / 1000;
    this.#history.note(`stopped after ${seconds.toFixed(1)} s`);
    if (!drained) {
      const left = `${unfinished} left running`;
      this.#broken.push({
        what: `the worker did not stop within ${stopWithin} s: handlers were told to, ${left}`,
      });
    }
  }

  async #report(confirmed: readonly Confirmed[], description: WorkerDescription): Promise<FaultRunReport> {
    const { seed, check } = this.#options;
    const deadLetters = this.#deadLetters;
    const ended = new Set(this.#settled.filter(({ verdict }) => verdict.kind === 'ack').map(place));
    for (const message of confirmed) {
      for (const queue of queuesOf(message, description)) {
        if (ended.has(place({ id: message.id, queue })) || deadLetters.includes(message.id)) continue;
        const what = `'${message.name}' ${message.id} was confirmed, and neither ran to its end from '${queue}' nor is it a dead letter`;
        this.#broken.push({ what });
      }
    }
    const { lines: history, struck: faults } = this.#history;
    const run = { seed, confirmed, settled: this.#settled, deadLetters, history };
    if (check !== undefined) await this.#keep('the check failed', () => check(run));
    return { ...run, faults, broken: this.#broken };
  }

  get #deadLetters(): readonly string[] {
    const { broker } = this.#broker;
    const queues = broker.queues().filter(({ name }) => name.endsWith('.dead-letter'));
    return queues.flatMap(({ name }) =>
      broker.messages(name).map(({ properties }) => properties.messageId ?? ''),
    );
  }

  async #keep(what: string, work: () => unknown): Promise<void> {
    try {
      await work();
    } catch (cause) {
      this.#broken.push({ what: `${what}: ${errorText(cause)}`, cause }); // reported with the seed that led to it
    }
  }
}

function place({ id, queue }: { readonly id: string | undefined; readonly queue: string }): string {
  return `${queue} ${id ?? ''}`;
}

/** The queues of this worker that a message has to have come through. */
function queuesOf(message: Confirmed, { queues, applications }: WorkerDescription): readonly string[] {
  const { exchange, routingKey } = message;
  if (exchange === '') return queues.filter((queue) => queue === routingKey);
  if (delayedTarget(message) !== undefined) return queues.filter((queue) => isDelayedTo(queue, message));
  return applications
    .filter(({ patterns }) => patterns.some((pattern) => compilePattern(pattern)(routingKey)))
    .map(({ queue }) => queue);
}

/** RabbitMQ closes a channel with 406 (PRECONDITION_FAILED) for a delivery tag that it does not know, or no longer. */
export function isRefusedSettlement(fields: LogFields | undefined): boolean {
  const error = fields?.error;
  return isCeleriacError(error) && error.values.code === 406 && error.message.includes('delivery tag');
}
