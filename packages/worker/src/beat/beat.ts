/**
 * Beat: sends tasks at their times. Any number of processes may run it; the broker makes one of them the active one,
 * and keeps what it has done for the next. Registers schedules, starts and stops; what is due is decided in `due`.
 */
import { EventEmitter } from 'node:events';

import {
  type Clock,
  type Config,
  type ConfigInput,
  type ConfigSource,
  guarded,
  loadConfig,
  type Logger,
  notifier,
  type PayloadStore,
  silentLogger,
  systemClock,
  type TaskContract,
  type Tell,
} from '@celeriac/core';

import { moduleUrl } from '../handler-modules.js';
import { runUntilSignalled } from '../shutdown.js';
import { wrongState } from '../worker-state.js';
import type { BeatDescription, BeatEvents } from './beat-events.js';
import { RunningBeat } from './running-beat.js';
import { configuredSchedules, makeSchedule, type Schedule, type ScheduleOptions } from './schedule.js';
import { invalid } from './schedule-error.js';
import { schedulesFrom } from './schedule-modules.js';

export interface BeatOptions {
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

/** Creates a beat. Reads nothing and connects to nothing before `start` or `run`. */
export function createBeat(options: BeatOptions = {}): Beat {
  return new Beat(options);
}

export type { Beat };

/** What a schedule is checked with before the configuration is read. */
const unread = { beat: { queue: '' }, tasks: { time_zone: 'UTC' } } as Config;

class Beat implements AsyncDisposable {
  #options: BeatOptions;
  #logger: Logger;
  #clock: Clock;
  #events = new EventEmitter<BeatEvents>();
  #tell: Tell<BeatEvents>;
  #registered = new Map<string, ScheduleOptions<never>>();
  #starting: Promise<BeatDescription> | undefined;
  #running: RunningBeat | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: BeatOptions) {
    this.#options = options;
    this.#logger = guarded(options.logger ?? silentLogger);
    this.#clock = options.clock ?? systemClock;
    this.#tell = notifier(this.#events, this.#logger);
  }

  /**
   * Registers a schedule, beside those of the configuration. Throws ERR_SCHEDULE_INVALID, naming key and field, for
   * times that cannot be (30 February) and for a name that is taken; ERR_WORKER_STATE once it was started.
   */
  schedule<Input>(
    name: string,
    options: ScheduleOptions<Input> & { readonly task: TaskContract<Input, unknown, unknown> },
  ): this;
  schedule(name: string, options: ScheduleOptions & { readonly task: string }): this;
  schedule(name: string, given: unknown): this {
    const options = given as ScheduleOptions<never>;
    if (this.#starting !== undefined) throw wrongState('register schedules', 'beat is running');
    makeSchedule(name, options, unread);
    if (this.#registered.has(name)) throw twice(name);
    this.#registered.set(name, options);
    return this;
  }

  /** Imports a module that exports `schedule(beat)`. Rejects with ERR_HANDLER_MODULE. */
  async load(module: string | URL): Promise<this> {
    await schedulesFrom<Beat>(moduleUrl(module), this);
    return this;
  }

  /**
   * Connects and gets in line; resolves then, active or not. Waits for a broker that cannot be reached. Rejects with
   * ERR_SCHEDULE_INVALID, ERR_INPUT_INVALID, ERR_CONFIG_…, ERR_ACCESS_REFUSED, ERR_VHOST_REFUSED, ERR_TLS or
   * ERR_TOPOLOGY_… for what will not go away by itself, with everything closed again.
   */
  start(): Promise<BeatDescription> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  /** Ends the round that is under way and makes room for the next process. Idempotent; never rejects. */
  stop(): Promise<void> {
    this.#stopping ??= this.#running?.stop() ?? Promise.resolve();
    return this.#stopping;
  }

  /**
   * `start`, then runs until SIGTERM or SIGINT, stops, and sets `process.exitCode`: 0 stopped, 78 configuration,
   * schedules or access, 70 anything else. Resolves with the exit code; never rejects.
   */
  run(): Promise<number> {
    const cannot = (what: string): Promise<never> =>
      Promise.reject(
        wrongState(what, 'beat is active or it is not: stop it, and another process takes over'),
      );
    return runUntilSignalled(
      {
        start: () => this.start(),
        quiet: () => cannot('be quiet'),
        resume: () => cannot('resume'),
        stop: () => this.stop().then(() => ({ drained: true, unfinished: 0 })),
      },
      this.#logger,
    );
  }

  /** True while this process sends what is due. */
  get isActive(): boolean {
    return this.#running?.isActive ?? false;
  }

  /** A listener that throws is logged, and changes nothing. */
  on<Name extends keyof BeatEvents>(event: Name, listener: (...args: BeatEvents[Name]) => void): this {
    this.#events.on(event, listener as never);
    return this;
  }

  off<Name extends keyof BeatEvents>(event: Name, listener: (...args: BeatEvents[Name]) => void): this {
    this.#events.off(event, listener as never);
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #start(): Promise<BeatDescription> {
    const { config: source = {}, env, overrides } = this.#options;
    const config = await loadConfig(source, { env, overrides });
    const schedules = this.#schedules(config);
    if (schedules.length === 0) {
      this.#logger.warn('beat has no schedules: it makes the others forget theirs, and sends nothing');
    }
    const { payloadStore } = this.#options;
    const tools = { logger: this.#logger, clock: this.#clock, tell: this.#tell, payloadStore };
    const parts = { config, schedules, ...tools };
    this.#running = await RunningBeat.open(parts);
    if (this.#isStopped()) {
      await this.#running.stop(); // stopped while it was being opened
      throw wrongState('start', 'beat was stopped');
    }
    try {
      await this.#running.start();
    } catch (error) {
      await this.stop();
      throw error;
    }
    return describe(config, schedules);
  }

  #schedules(config: Config): readonly Schedule[] {
    const configured = configuredSchedules(config);
    const again = configured.find(({ name }) => this.#registered.has(name));
    if (again !== undefined) throw twice(again.name);
    const inCode = [...this.#registered].map(([name, options]) => makeSchedule(name, options, config));
    return [...configured, ...inCode];
  }

  /** A method, because the compiler believes that a field stays what it was over an await. */
  #isStopped(): boolean {
    return this.#stopping !== undefined;
  }
}

function describe(config: Config, schedules: readonly Schedule[]): BeatDescription {
  return {
    queue: config.beat.queue,
    brokers: config.tasks.connection_string.addresses.map(String),
    schedules: schedules.map(({ name, task, timing }) => {
      return { name, task: typeof task === 'string' ? task : task.name, timing };
    }),
  };
}

function twice(name: string): Error {
  return invalid(name, 'name', 'is registered twice');
}
