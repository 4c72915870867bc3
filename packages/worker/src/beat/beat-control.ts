/**
 * Commands for the active beat, from anywhere: pause, resume and run a schedule, list them. They wait in the queue
 * when no beat is active. Decides nothing: the active beat does.
 */
import { randomUUID } from 'node:crypto';

import {
  beatTopology,
  brokerAccess,
  CeleriacError,
  type Clock,
  type Config,
  type ConfigInput,
  type ConfigSource,
  Consumer,
  type Delivery,
  type Duration,
  type ErrorCode,
  errorCodes,
  guarded,
  loadConfig,
  type Logger,
  openPublishing,
  parseDuration,
  type Publishing,
  silentLogger,
  systemClock,
  type Topology,
} from '@celeriac/core';

import type { BeatAnswer, ScheduleReport } from './commands.js';
import { type Action, commandMessage } from './messages.js';
import { lastState } from './last-state.js';
import { unknown } from './schedule-error.js';

export interface BeatControlOptions {
  /** A file (YAML or JSON), or the configuration itself. Default: environment variables and defaults only. */
  readonly config?: ConfigSource;
  readonly overrides?: ConfigInput;
  /** Default: writes nothing. */
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** How long the active beat has to answer. Default 5 s. */
  readonly timeout?: Duration;
}

export interface CommandReport {
  /** False: no beat is active, and the next one heeds it. */
  readonly heeded: boolean;
  /** Of the message, for `run`. */
  readonly id?: string;
  /** Of the message that is under way, where a `run` was not sent because of it (`overlap: 'skip'`). */
  readonly running?: string;
}

export interface SchedulesReport {
  /** Host and process id of the active beat; null: none is active, and this is what the last one has left. */
  readonly active: string | null;
  readonly schedules: readonly (Omit<ScheduleReport, 'task'> & { readonly task: string | null })[];
}

/** Connects. Rejects with ERR_CONFIG_…, or what the broker refuses. Close it after use. */
export async function openBeatControl(options: BeatControlOptions = {}): Promise<BeatControl> {
  const { config: source = {}, env, overrides, clock = systemClock, timeout = 5 } = options;
  const config = await loadConfig(source, { env, overrides });
  const logger = guarded(options.logger ?? silentLogger);
  const access = await brokerAccess(config, logger);
  const publishing = openPublishing({ config, logger, clock, access }, 'tasks');
  const control = new BeatControl({
    config,
    logger,
    clock,
    publishing,
    timeoutMs: parseDuration(timeout) * 1000,
  });
  try {
    await control.open();
  } catch (error) {
    await control.close();
    throw error;
  }
  return control;
}

export type { BeatControl };

interface Parts {
  readonly config: Config;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly publishing: Publishing;
  readonly timeoutMs: number;
}

class BeatControl implements AsyncDisposable {
  #parts: Parts;
  #replies: Consumer;
  #replyQueue = `celeriac.beat.reply.${randomUUID()}`;
  #waiting = new Map<string, (answer: BeatAnswer) => void>();

  constructor(parts: Parts) {
    this.#parts = parts;
    const { publishing, logger, clock } = parts;
    this.#replies = new Consumer({
      session: publishing.session,
      queue: this.#replyQueue,
      prefetch: 100,
      declare: () => publishing.declarer.declare(replyTopology(this.#replyQueue)),
      onDelivery: (delivery) => this.#receive(delivery),
      logger,
      clock,
    });
  }

  /** @internal */
  async open(): Promise<void> {
    const { publishing, config } = this.#parts;
    await publishing.session.ready({ timeoutMs: 30_000 });
    // Commands wait in it also when no beat has ever run.
    await publishing.declarer.declare(beatTopology(config.beat.queue, config.tasks.queue_type));
    await new Promise<void>((resolve, reject) => {
      this.#replies.events.once('subscribed', resolve);
      this.#replies.events.once('failed', reject);
      this.#replies.start();
    });
  }

  /** Nothing of it is sent until it is resumed; what falls in between is not caught up with. */
  pause(name: string): Promise<CommandReport> {
    return this.#command('pause', name);
  }

  resume(name: string): Promise<CommandReport> {
    return this.#command('resume', name);
  }

  /** Sends one run now, beside those of its times, also when it is paused. */
  run(name: string): Promise<CommandReport> {
    return this.#command('run', name);
  }

  async schedules(): Promise<SchedulesReport> {
    const answer = await this.#ask('list', '');
    if (answer?.ok === true) return { active: answer.by, schedules: answer.schedules ?? [] };
    return { active: null, schedules: await lastState(this.#parts) };
  }

  async close(): Promise<void> {
    const { session, sink } = this.#parts.publishing;
    await this.#replies.close();
    const closed = sink.close();
    await session.close();
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Rejects with ERR_SCHEDULE_UNKNOWN, or why the run could not be sent. */
  async #command(action: Action, name: string): Promise<CommandReport> {
    const answer = await this.#ask(action, name);
    if (answer === undefined) return { heeded: false };
    if (answer.ok) return { heeded: true, ...messagesIn(answer) };
    if (answer.code === 'ERR_SCHEDULE_UNKNOWN') throw unknown(name);
    const code = Object.hasOwn(errorCodes, answer.code) ? (answer.code as ErrorCode) : 'ERR_SCHEDULE_INVALID';
    throw new CeleriacError(code, {
      message: `The active beat could not ${action} '${name}': ${answer.message}`,
      values: { schedule: name },
    });
  }

  /** Undefined: nobody answered in time. */
  async #ask(action: Action, name: string): Promise<BeatAnswer | undefined> {
    const { config, clock, publishing, timeoutMs } = this.#parts;
    const id = randomUUID();
    const answered = new AbortController();
    let answer: BeatAnswer | undefined;
    this.#waiting.set(id, (given) => {
      answer = given;
      answered.abort();
    });
    try {
      const command = { id, action, name, replyTo: this.#replyQueue };
      // A question is of no use later; a command is.
      const expiresMs = action === 'list' ? timeoutMs : undefined;
      await publishing.sink.publish(commandMessage(config.beat.queue, command, expiresMs));
      await clock.sleep(timeoutMs, answered.signal);
      return answer;
    } finally {
      this.#waiting.delete(id);
    }
  }

  #receive(delivery: Delivery): void {
    const { correlationId = '' } = delivery.properties;
    delivery.ack();
    const waiting = this.#waiting.get(correlationId);
    if (waiting === undefined) return;
    try {
      waiting(JSON.parse(delivery.body.toString('utf8')) as BeatAnswer);
    } catch (error) {
      this.#parts.logger.warn('an answer of beat cannot be read', { error });
    }
  }
}

function messagesIn({ id, running }: Extract<BeatAnswer, { ok: true }>): Omit<CommandReport, 'heeded'> {
  return { ...(id === undefined ? {} : { id }), ...(running === undefined ? {} : { running }) };
}

function replyTopology(name: string): Topology {
  return {
    isPassing: true,
    exchanges: [],
    queues: [{ name, isExclusive: true, arguments: {} }],
    bindings: [],
  };
}
