/**
 * A schedule: what is sent, and when. Checks what was written, in code or in the configuration, and makes it ready
 * to use. Pure; reads no clock and sends nothing.
 */
import {
  type CatchUp,
  type Config,
  type Duration,
  type Overlap,
  parseDuration,
  type ScheduleConfig,
  type SendOptions,
  type SolarConfig,
  solarEvents,
  type TaskContract,
} from '@celeriac/core';

import { parseCron } from './cron-fields.js';
import { invalid } from './schedule-error.js';
import { solarTimetable } from './solar.js';
import { fractionOf, tickId } from './tick-id.js';
import { cronTimetable, intervalTimetable, momentTimetable, type Timetable } from './timetable.js';

/** A schedule in code. One of `cron`, `every`, `solar` and `at`. Durations are seconds, or text with a unit: `'30s'`, `'1h'`. */
export interface ScheduleOptions<Input = unknown> {
  /** A contract, which the input is checked against when beat starts; or a registered name. */
  readonly task: TaskContract<Input, unknown, unknown> | string;
  /** As in `send`: a list is positional arguments, an object keyword arguments. Default: none. */
  readonly input?: NoInfer<Input>;
  /** Minute, hour, day of month, month, day of week. All of them must match, as in Celery's crontab. */
  readonly cron?: string;
  /** Time from one run to the next, 100 ms at least; the first is one interval after beat first saw the schedule. */
  readonly every?: Duration;
  /** When the sun does this at a place. Needs the package `astronomy-engine`. */
  readonly solar?: SolarConfig;
  /** Once, at this moment. */
  readonly at?: Date;
  /** Of `cron`; an IANA name. Default `tasks.time_zone`. */
  readonly timeZone?: string;
  /** Each run is sent up to so much later. An hour at most, and no more than `every`. Default 0. */
  readonly jitter?: Duration;
  /** Which of the runs that were missed are sent after all. Default `'last'`: one, the latest. */
  readonly catchUp?: CatchUp;
  /** Most missed runs that `'all'` sends, 1 to 1000; older ones are left out. Default 100. */
  readonly catchUpLimit?: number;
  /**
   * `'skip'`: a run is not sent while the last one waits in its queue, for a retry, or goes on. Which one does is in
   * `key_store`, which workers have to share. Default `'allow'`.
   */
  readonly overlap?: Overlap;
  /** With `overlap: 'skip'`: a run that has not ended so long after it was sent keeps no other back. Default 1 hour. */
  readonly longestRun?: Duration;
  /** Default: as `send` finds it. */
  readonly queue?: string;
  /** 0 to 255. */
  readonly priority?: number;
  /** A run that has not started so long after it was sent is not run. */
  readonly expires?: Duration;
}

/** A schedule that was checked. */
export interface Schedule {
  readonly name: string;
  readonly task: TaskContract | string;
  readonly input: unknown;
  readonly sending: Omit<SendOptions, 'id'>;
  /** When it is due, for people and to recognise a change: `cron 0 4 * * * Europe/Paris`. */
  readonly timing: string;
  readonly catchUp: CatchUp;
  readonly catchUpLimit: number;
  readonly overlap: Overlap;
  /** `anchor` is when it was first seen, milliseconds. */
  readonly timetable: (anchor: number) => Timetable;
  /** How much later the run of a time is sent, milliseconds: always the same for the same time. */
  readonly jitter: (at: number) => number;
  readonly isOnce: boolean;
}

type Configured = Pick<Config, 'beat' | 'tasks'>;

const shortestEvery = 0.1;
const longestEvery = 366 * 86_400;
const longestJitter = 3600;
const longestRunAllowed = 30 * 86_400;

/** Throws ERR_SCHEDULE_INVALID, naming the schedule, the key, and for `cron` the field. */
export function makeSchedule(name: string, options: ScheduleOptions<never>, config: Configured): Schedule {
  if (!/^[^\p{Cc}]{1,200}$/u.test(name))
    throw invalid(name.slice(0, 200), 'name', 'is not 1 to 200 characters without control characters');
  const { task, input, catchUp = 'last', catchUpLimit = 100, overlap = 'allow' } = options as ScheduleOptions;
  if (typeof task === 'string' && task === '') throw invalid(name, 'task', 'is empty');
  if (!['none', 'last', 'all'].includes(catchUp))
    throw invalid(name, 'catchUp', `is '${catchUp}': allowed are none, last and all`);
  if (!Number.isInteger(catchUpLimit) || catchUpLimit < 1 || catchUpLimit > 1000)
    throw invalid(name, 'catchUpLimit', `is ${String(catchUpLimit)}: allowed is 1 to 1000`);
  if (!['allow', 'skip'].includes(overlap))
    throw invalid(name, 'overlap', `is '${overlap}': allowed are allow and skip`);
  const { timing, timetable } = timingOf(name, options, config.tasks.time_zone);
  return {
    name,
    task,
    input,
    sending: { ...sendingOf(name, options), ...aloneOf(name, options, config.beat.queue) },
    timing,
    timetable,
    catchUp,
    catchUpLimit,
    overlap,
    jitter: jitterOf(name, options, config.beat.queue),
    isOnce: options.at !== undefined,
  };
}

/** Checks `beat.schedules`. Throws ERR_SCHEDULE_INVALID for the first that cannot be. */
export function checkSchedules(config: Configured): void {
  configuredSchedules(config);
}

/** Of the `beat.schedules` of a configuration. */
export function configuredSchedules(config: Configured): readonly Schedule[] {
  return Object.entries(config.beat.schedules).map(([name, written]) => {
    const schedule = makeSchedule(name, fromConfig(name, written) as ScheduleOptions<never>, config);
    const { kwargs } = written;
    return kwargs === undefined ? schedule : { ...schedule, sending: { ...schedule.sending, kwargs } };
  });
}

function fromConfig(name: string, written: ScheduleConfig): ScheduleOptions {
  const { task, args: input, cron, every, solar, at, time_zone: timeZone, jitter } = written;
  const { catch_up: catchUp, catch_up_limit: catchUpLimit, queue, priority, expires } = written;
  const { overlap, longest_run: longestRun } = written;
  const given = { input, cron, every, solar, timeZone, queue, priority, expires };
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  const moment = at === undefined ? {} : { at: momentOf(name, at) };
  return { task, jitter, catchUp, catchUpLimit, overlap, longestRun, ...Object.fromEntries(set), ...moment };
}

/** Without an offset it would depend on where it is read. */
function momentOf(name: string, text: string): Date {
  const date = /(?:Z|[+-]\d\d:?\d\d)$/u.test(text) ? new Date(text) : new Date(NaN);
  if (!Number.isNaN(date.getTime())) return date;
  throw invalid(
    name,
    'at',
    `is '${text}', which is not ISO 8601 with Z or an offset, as in 2026-12-31T23:00:00Z`,
  );
}

function timingOf(
  name: string,
  { cron, every, solar, at, timeZone = '' }: ScheduleOptions,
  defaultZone: string,
): Pick<Schedule, 'timing' | 'timetable'> {
  if ([cron, every, solar, at].filter((one) => one !== undefined).length !== 1)
    throw invalid(name, 'cron', 'or every, solar or at: exactly one of them is needed');
  if (timeZone !== '' && cron === undefined) throw invalid(name, 'timeZone', 'has a meaning with cron only');
  if (cron !== undefined)
    return cronTiming(name, cron, zoneOf(name, timeZone === '' ? defaultZone : timeZone));
  if (every !== undefined) {
    const ms = Math.round(seconds(name, ['every', every], [shortestEvery, longestEvery]) * 1000);
    return { timing: `every ${ms / 1000} s`, timetable: (anchor) => intervalTimetable(ms, anchor) };
  }
  if (solar !== undefined) return solarTiming(name, solar);
  const time = at instanceof Date ? at.getTime() : NaN;
  if (!(time >= 0 && time <= Date.UTC(9999, 11, 31)))
    throw invalid(name, 'at', 'is not a Date from 1970 to 9999');
  return { timing: `at ${new Date(time).toISOString()}`, timetable: () => momentTimetable(time) };
}

function solarTiming(name: string, solar: SolarConfig): Pick<Schedule, 'timing' | 'timetable'> {
  const { event, latitude, longitude } = solar;
  if (!solarEvents.includes(event))
    throw invalid(name, 'solar', `is of '${event}': allowed are ${solarEvents.join(', ')}`);
  for (const [what, value, most] of [
    ['latitude', latitude, 90],
    ['longitude', longitude, 180],
  ] as const)
    if (!(Math.abs(value) <= most))
      throw invalid(name, 'solar', `has the ${what} ${String(value)}: allowed is -${most} to ${most}`);
  const timetable = solarTimetable(solar);
  return { timing: `${event} at ${latitude} ${longitude}`, timetable: () => timetable };
}

function cronTiming(name: string, expression: string, zone: string): Pick<Schedule, 'timing' | 'timetable'> {
  const parsed = parseCron(expression);
  if (!parsed.ok) throw invalid(name, { key: 'cron', field: parsed.field }, parsed.problem);
  const timetable = cronTimetable(parsed.pattern, zone);
  return { timing: `cron ${expression.trim().replaceAll(/\s+/gu, ' ')} ${zone}`, timetable: () => timetable };
}

function zoneOf(name: string, zone: string): string {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return zone;
  } catch {
    throw invalid(name, 'timeZone', `is '${zone}', which is no IANA name such as Europe/Stockholm`);
  }
}

function jitterOf(name: string, { jitter = 0, every }: ScheduleOptions, beat: string): Schedule['jitter'] {
  const longest = Math.min(longestJitter, every === undefined ? longestJitter : parseDuration(every));
  const ms = seconds(name, ['jitter', jitter], [0, longest]) * 1000;
  if (ms === 0) return () => 0;
  return (at) => Math.floor(fractionOf(tickId(beat, name, at)) * ms);
}

function sendingOf(name: string, { queue, priority, expires }: ScheduleOptions): Schedule['sending'] {
  if (queue === '') throw invalid(name, 'queue', 'is empty');
  if (expires !== undefined) seconds(name, ['expires', expires], [0.001, Infinity]);
  return {
    ...(queue === undefined ? {} : { queue }),
    ...(priority === undefined ? {} : { priority }),
    ...(expires === undefined ? {} : { expires }),
  };
}

/** The key is the schedule's: the same task may be sent by others meanwhile, and by other schedules. */
function aloneOf(
  name: string,
  { overlap, longestRun: ttl = 3600 }: ScheduleOptions,
  beat: string,
): Pick<SendOptions, 'unique'> {
  seconds(name, ['longestRun', ttl], [1, longestRunAllowed]);
  if (overlap !== 'skip') return {};
  return { unique: { key: `schedule ${beat} ${name}`, while: 'queued-or-running', ttl } };
}

function seconds(
  name: string,
  [key, value]: readonly [string, Duration],
  [least, most]: readonly [number, number],
): number {
  let parsed: number;
  try {
    parsed = parseDuration(value);
  } catch {
    throw invalid(name, key, `is '${String(value)}', which is no duration such as 30 or '30s'`);
  }
  if (parsed >= least && parsed <= most) return parsed;
  throw invalid(name, key, `is ${parsed} s: allowed is ${least} s to ${most} s`);
}
