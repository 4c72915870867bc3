/**
 * What the active process does: takes over what its predecessors left, sends every run that is due, writes down that
 * it did, and heeds commands. A run is confirmed before it is written down, so none is lost; a process that dies in
 * between leaves at most one run per schedule that is sent again, under the same id (ADR 0036).
 */
import { CeleriacError, errorText, isCeleriacError, type TaskSender, type Tell } from '@celeriac/core';

import type { BeatEvents } from './beat-events.js';
import { type CommandOptions, Commands } from './commands.js';
import { type Due, due } from './due.js';
import type { Schedule } from './schedule.js';
import { type BeatState, type Changes, type EntryState, takeOver } from './state.js';
import { tickId } from './tick-id.js';

export interface LeaderOptions extends CommandOptions {
  readonly sender: Pick<TaskSender, 'send'>;
  readonly missedAfterMs: number;
  /** No further round is begun once it fires. */
  readonly stopping: AbortSignal;
  readonly tell: Tell<BeatEvents>;
}

/** What came of one schedule in one round. */
interface Step {
  readonly entry: EntryState;
  readonly wakeAt: number | undefined;
}

/** `again`: nothing is written down, so the run stays due. */
type Sending = 'sent' | 'given-up' | 'overlaps' | 'again';

/** The wall clock may be set: it is looked at this often. */
const longestSleepMs = 10_000;
/** RabbitMQ takes a delivery back after 30 minutes (`consumer_timeout`): a new one is taken long before. */
const renewMs = 300_000;
const firstPauseMs = 1_000;
const longestPauseMs = 30_000;

/** What would be refused again and again, whoever sends it. */
const hopeless = ['ERR_INPUT_INVALID', 'ERR_NOT_SERIALIZABLE', 'ERR_MESSAGE_TOO_LARGE'] as const;

export class Leader {
  #options: LeaderOptions;
  #state: BeatState;
  #changes: Changes;
  #writtenAt = 0;
  /** Schedules whose last run could not be sent: how often, and when it is tried again. */
  #failing = new Map<string, { readonly times: number; readonly retryAt: number }>();

  constructor(options: LeaderOptions) {
    this.#options = options;
    const { lease, schedules, clock, writer, missedAfterMs } = options;
    const now = clock.now();
    const taken = takeOver({ before: lease.state, schedules, now, writer, missedAfterMs });
    this.#state = taken.state;
    this.#changes = taken.changes;
  }

  /** Until the lease is over, or it is told to stop. Rejects with what ended it, if that was not the connection. */
  async run(): Promise<void> {
    const { lease, clock, logger, tell, queue, stopping } = this.#options;
    stopping.addEventListener('abort', () => lease.wake(), { once: true });
    await this.#write(this.#state);
    logger.info('beat is active', { queue, epoch: this.#state.epoch, ...withoutEmpty(this.#changes) });
    tell('active');
    const commands = new Commands(this.#options, {
      state: () => this.#state,
      write: (entries) => this.#writeEntries(entries),
      send: (schedule, id) => this.#send(schedule, id, clock.now()),
    });
    while (!lease.ended.aborted && !stopping.aborted) {
      await commands.heed();
      const wakeAt = await this.#round();
      if (clock.monotonic() - this.#writtenAt > renewMs) await this.#writeEntries({});
      await lease.idle(Math.min(longestSleepMs, Math.max(0, wakeAt - clock.now())));
    }
  }

  /** Sends one run of every schedule that has one due; resolves with the time to look again. */
  async #round(): Promise<number> {
    const { schedules, clock } = this.#options;
    const now = clock.now();
    const changed = new Map<string, EntryState>();
    let wakeAt = Infinity;
    await Promise.all(
      schedules.map(async (schedule) => {
        const entry = this.#state.entries[schedule.name] as EntryState;
        const step = await this.#step(schedule, entry, now);
        if (step.entry !== entry) changed.set(schedule.name, step.entry);
        wakeAt = Math.min(wakeAt, step.wakeAt ?? Infinity);
      }),
    );
    if (changed.size > 0) await this.#writeEntries(Object.fromEntries(changed));
    return wakeAt;
  }

  async #step(schedule: Schedule, entry: EntryState, now: number): Promise<Step> {
    const { queue, missedAfterMs } = this.#options;
    const retryAt = this.#failing.get(schedule.name)?.retryAt ?? 0;
    if (entry.isPaused) return { entry, wakeAt: undefined };
    if (retryAt > now) return { entry, wakeAt: retryAt };
    const timetable = schedule.timetable(entry.anchor);
    const { lastAt } = entry;
    const decided = due({ ...schedule, timetable, lastAt, now, missedAfterMs });
    const { send: at, wakeAt } = decided;
    if (at === undefined && decided.lastAt === lastAt) return { entry, wakeAt };
    const skipped = entry.skipped + decided.skipped;
    if (at === undefined) {
      this.#tellMissed(schedule, decided);
      return { entry: { ...entry, lastAt: decided.lastAt, skipped }, wakeAt };
    }
    const id = tickId(queue, schedule.name, at);
    const outcome = await this.#trySend(schedule, id, at);
    if (outcome === 'again') return { entry, wakeAt: this.#failing.get(schedule.name)?.retryAt };
    this.#tellMissed(schedule, decided);
    return {
      entry: { ...ended(entry, outcome, { at, sentAt: now, id }), lastAt: decided.lastAt, skipped },
      wakeAt,
    };
  }

  /** Rejects when the lease is over. */
  async #trySend(schedule: Schedule, id: string, at: number): Promise<Sending> {
    const { lease, logger, clock, tell } = this.#options;
    const { name } = schedule;
    try {
      const running = await this.#send(schedule, id, at);
      this.#failing.delete(name);
      return running === undefined ? 'sent' : 'overlaps';
    } catch (error) {
      if (lease.ended.aborted) throw error;
      const isHopeless = hopeless.some((code) => isCeleriacError(error, code));
      tell('failed', { schedule: name, id, at: new Date(at), error: asCeleriac(error, name) });
      if (isHopeless) {
        logger.error('a run cannot be sent, and is left out', { schedule: name, id, error });
        return 'given-up';
      }
      const times = (this.#failing.get(name)?.times ?? 0) + 1;
      const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(times - 1, 10));
      this.#failing.set(name, { times, retryAt: clock.now() + pauseMs });
      logger.error('a run could not be sent, trying again', {
        schedule: name,
        id,
        in: pauseMs / 1000,
        error,
      });
      return 'again';
    }
  }

  /** Resolves with the message that keeps this one from being sent, if one does. */
  async #send(schedule: Schedule, id: string, at: number): Promise<string | undefined> {
    const { sender, tell, logger } = this.#options;
    const { task, input, sending, name } = schedule;
    // The overloads tell contracts and names apart; both take the same at run time.
    const { duplicateOf: running } = await sender.send(task as string, input, { ...sending, id });
    if (running !== undefined) {
      logger.info('a run is left out, as the last one is under way', { schedule: name, id, running });
      tell('overlapped', { schedule: name, id, at: new Date(at), running });
      return running;
    }
    logger.debug('sent', { schedule: name, id });
    tell('sent', { schedule: name, id, at: new Date(at) });
    return undefined;
  }

  #tellMissed({ name, catchUp }: Schedule, { skipped, isMore, lastAt }: Due): void {
    if (skipped === 0) return;
    const { logger, tell } = this.#options;
    const until = new Date(lastAt);
    logger.warn('runs were missed and are left out', {
      schedule: name,
      count: skipped,
      isMore,
      catchUp,
      until,
    });
    tell('missed', { schedule: name, count: skipped, until });
  }

  async #writeEntries(entries: Readonly<Record<string, EntryState>>): Promise<void> {
    const { revision, entries: all } = this.#state;
    await this.#write({ ...this.#state, revision: revision + 1, entries: { ...all, ...entries } });
  }

  async #write(state: BeatState): Promise<void> {
    await this.#options.lease.write(state);
    this.#state = state;
    this.#writtenAt = this.#options.clock.monotonic();
  }
}

function ended(entry: EntryState, outcome: Sending, lastRun: NonNullable<EntryState['lastRun']>): EntryState {
  if (outcome === 'sent') return { ...entry, sent: entry.sent + 1, lastRun };
  return outcome === 'overlaps' ? { ...entry, overlapped: entry.overlapped + 1 } : entry;
}

function withoutEmpty(changes: Changes): Partial<Changes> {
  return Object.fromEntries(Object.entries(changes).filter(([, names]) => (names as string[]).length > 0));
}

function asCeleriac(error: unknown, schedule: string): CeleriacError {
  if (isCeleriacError(error)) return error;
  return new CeleriacError('ERR_SCHEDULE_INVALID', {
    message: `The schedule '${schedule}' cannot be sent: ${errorText(error)}.`,
    values: { schedule },
    cause: error,
  });
}
