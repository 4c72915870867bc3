/**
 * Heeds the commands in the queue: pause, resume and run a schedule, list them all. What was done is written down
 * before the command is acknowledged. Sends and writes by what it is given.
 */
import { type Clock, errorText, isCeleriacError, type Logger, type MessageSink } from '@celeriac/core';

import type { Lease } from './lease.js';
import { type Command, replyMessage } from './messages.js';
import type { Schedule } from './schedule.js';
import { unknown } from './schedule-error.js';
import type { BeatState, EntryState } from './state.js';
import { commandedId } from './tick-id.js';

/** How a schedule is. Times are ISO 8601. */
export interface ScheduleReport {
  readonly name: string;
  readonly task: string;
  /** `cron 0 4 * * * Europe/Paris`, `every 30 s`, `at 2026-12-31T23:00:00.000Z`. */
  readonly timing: string;
  readonly isPaused: boolean;
  /** When it is sent next; null: never, or while it is paused. */
  readonly next: string | null;
  /** The last run: when it was due and when it was sent; null: none yet. */
  readonly last: { readonly at: string; readonly sentAt: string; readonly id: string } | null;
  readonly sent: number;
  /** Runs that were missed and left out. */
  readonly skipped: number;
  /** Runs left out as the last one was under way. */
  readonly overlapped: number;
}

/** What the active process answers. */
export type BeatAnswer =
  | {
      readonly ok: true;
      readonly by: string;
      readonly id?: string;
      /** Nothing was sent: the run with this id is under way. */
      readonly running?: string;
      readonly schedules?: readonly ScheduleReport[];
    }
  | { readonly ok: false; readonly code: string; readonly message: string };

export interface CommandOptions {
  readonly queue: string;
  readonly lease: Lease;
  readonly schedules: readonly Schedule[];
  /** Name of this process, in the state and in answers. */
  readonly writer: string;
  readonly logger: Logger;
  readonly clock: Clock;
}

export interface CommandTools {
  readonly state: () => BeatState;
  readonly write: (entries: Readonly<Record<string, EntryState>>) => Promise<void>;
  /** Resolves with the message that is under way, if that keeps this one from being sent. */
  readonly send: (schedule: Schedule, id: string) => Promise<string | undefined>;
}

export class Commands {
  #options: CommandOptions;
  #tools: CommandTools;
  #schedules: ReadonlyMap<string, Schedule>;

  constructor(options: CommandOptions, tools: CommandTools) {
    this.#options = options;
    this.#tools = tools;
    this.#schedules = new Map(options.schedules.map((schedule) => [schedule.name, schedule]));
  }

  /** All that wait. Rejects when the lease is over, or the state cannot be written. */
  async heed(): Promise<void> {
    const { lease } = this.#options;
    for (let next = lease.nextCommand(); next !== undefined; next = lease.nextCommand()) {
      const { command, delivery } = next;
      const answer = await this.#heed(command);
      delivery.ack();
      this.#reply(lease.sink, command, answer);
    }
  }

  async #heed(command: Command): Promise<BeatAnswer> {
    const { action, name } = command;
    const { logger, writer } = this.#options;
    if (action === 'list') return { ok: true, by: writer, schedules: this.#list() };
    const schedule = this.#schedules.get(name);
    const entry = this.#tools.state().entries[name];
    if (schedule === undefined || entry === undefined) {
      const { code, message } = unknown(name);
      logger.warn('a command names a schedule that is not here', { action, schedule: name });
      return { ok: false, code, message };
    }
    if (action === 'run') return this.#run(schedule, entry, command);
    await this.#tools.write({
      [name]: action === 'pause' ? { ...entry, isPaused: true } : this.#resumed(entry),
    });
    logger.info(action === 'pause' ? 'schedule paused' : 'schedule resumed', { schedule: name });
    return { ok: true, by: writer };
  }

  /** What fell into the pause was not missed: it was not wanted. */
  #resumed(entry: EntryState): EntryState {
    if (!entry.isPaused) return entry;
    return { ...entry, isPaused: false, lastAt: Math.max(entry.lastAt, this.#options.clock.now()) };
  }

  async #run(schedule: Schedule, entry: EntryState, command: Command): Promise<BeatAnswer> {
    const { queue, clock, lease, logger, writer } = this.#options;
    const { name } = schedule;
    const id = commandedId(queue, command.id);
    let running: string | undefined;
    try {
      running = await this.#tools.send(schedule, id);
    } catch (error) {
      if (lease.ended.aborted) throw error;
      logger.error('a run that was asked for could not be sent', { schedule: name, id, error });
      const code = isCeleriacError(error) ? error.code : 'ERR_SCHEDULE_INVALID';
      return { ok: false, code, message: errorText(error) };
    }
    if (running !== undefined) return { ok: true, by: writer, running };
    const now = clock.now();
    await this.#tools.write({
      [name]: { ...entry, sent: entry.sent + 1, lastRun: { at: now, sentAt: now, id } },
    });
    return { ok: true, by: writer, id };
  }

  #list(): readonly ScheduleReport[] {
    const { entries } = this.#tools.state();
    return this.#options.schedules.map((schedule) => report(schedule, entries[schedule.name] as EntryState));
  }

  #reply(sink: MessageSink, { replyTo, id }: Command, answer: BeatAnswer): void {
    if (replyTo === undefined) return;
    const { logger } = this.#options;
    sink.publish(replyMessage(replyTo, id, answer)).catch((error: unknown) => {
      logger.debug('an answer could not be sent', { id, error });
    });
  }
}

function report(schedule: Schedule, entry: EntryState): ScheduleReport {
  const next = entry.isPaused ? undefined : schedule.timetable(entry.anchor).next(entry.lastAt);
  return {
    name: schedule.name,
    task: typeof schedule.task === 'string' ? schedule.task : schedule.task.name,
    ...remembered(entry),
    next: next === undefined ? null : iso(next + schedule.jitter(next)),
  };
}

/** What the state alone tells. */
export function remembered(entry: EntryState): Omit<ScheduleReport, 'name' | 'task' | 'next'> {
  const { timing, isPaused, lastRun, sent, skipped, overlapped } = entry;
  const last =
    lastRun === undefined ? null : { ...lastRun, at: iso(lastRun.at), sentAt: iso(lastRun.sentAt) };
  return { timing, isPaused, last, sent, skipped, overlapped };
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
