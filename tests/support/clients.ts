/** Workers and publishers of tests: what they say and do is kept for assertions. Decides nothing about results. */
import { type CeleriacError, type ConfigInput, createLogger, type Logger } from '@celeriac/core';
import { createPublisher, type Publisher } from '@celeriac/publisher';
import { createWorker, type Settled, type Started, type Worker, type WorkerOptions } from '@celeriac/worker';

import { chosenIo } from './chosen-io.js';
import { waitFor } from './wait-for.js';

export interface Line {
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

/** A logger that keeps its lines. */
export class LineLog {
  /** As they would be written: JSON. */
  readonly raw: string[] = [];
  readonly logger: Logger;

  constructor() {
    this.logger = createLogger({ level: 'debug', format: 'json', write: (line) => void this.raw.push(line) });
  }

  get lines(): readonly Line[] {
    return this.raw.map((line) => JSON.parse(line) as Line);
  }

  matching(pattern: RegExp): readonly Line[] {
    return this.lines.filter(({ message }) => pattern.test(message));
  }
}

/** A configuration for a broker, section by section over `extra`. */
export function configFor(url: string, extra: ConfigInput = {}): ConfigInput {
  return { ...extra, events: { reconnect_max_delay: '1s', ...extra.events, connection_string: url } };
}

/** A worker that remembers. Register tasks on `worker`, then `start`. Stops without grace when disposed of. */
export class WatchedWorker implements AsyncDisposable {
  readonly worker: Worker;
  readonly log = new LineLog();
  readonly started: Started[] = [];
  readonly settled: Settled[] = [];
  readonly lost: CeleriacError[] = [];
  readonly restored: number[] = [];

  constructor(config: ConfigInput | string, more: WorkerOptions = {}) {
    this.worker = createWorker({ ...more, config, env: chosenIo, logger: this.log.logger });
    this.worker.on('started', (one) => this.started.push(one));
    this.worker.on('settled', (one) => this.settled.push(one));
    this.worker.on('lost', (error) => this.lost.push(error));
    this.worker.on('restored', (generation) => this.restored.push(generation));
  }

  /** Resolves with the deliveries settled so far, once there are that many. */
  async untilSettled(count: number): Promise<readonly Settled[]> {
    return waitFor(() => this.settled.length >= count && this.settled, {
      what: `${count} settled deliveries`,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.worker.stop({ grace: 0 });
  }
}

/** A publisher with its log. */
export class WatchedPublisher implements AsyncDisposable {
  readonly publisher: Publisher;
  readonly log: LineLog;

  private constructor(publisher: Publisher, log: LineLog) {
    this.publisher = publisher;
    this.log = log;
  }

  static async open(config: ConfigInput | string): Promise<WatchedPublisher> {
    const log = new LineLog();
    return new WatchedPublisher(await createPublisher({ config, env: {}, logger: log.logger }), log);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.publisher.close({ timeout: 1 });
  }
}

/** What a promise rejected with; throws when it did not. */
export async function rejection(promise: Promise<unknown>): Promise<CeleriacError> {
  const error = await promise.then(
    (value) => {
      throw new Error(`resolved, with ${JSON.stringify(value)}, where a rejection was due`);
    },
    (thrown: unknown) => thrown,
  );
  return error as CeleriacError;
}

/** A promise and its key. */
export interface Gate {
  readonly opened: Promise<void>;
  readonly open: () => void;
}

export function gate(): Gate {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
