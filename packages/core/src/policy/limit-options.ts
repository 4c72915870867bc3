/**
 * How limits of a task are asked for: how often it starts, how many run at once, when a failing one is paused. Reads
 * and checks what contracts and registrations say. Pure; nothing is limited here.
 */
import { inspect } from 'node:util';

import { type Duration, parseDuration } from '../config/duration.js';
import type { KillSwitchConfig } from '../config/types.js';
import { CeleriacError } from '../errors.js';
import { nearest } from './nearest.js';

/**
 * What a limit counts apart: a path into the input (`'account.id'`; `'0'` is the first positional argument of a task by
 * bare name), or a function of the input.
 */
export type LimitKey<Input = never> = string | ((input: Input) => string | number);

/** `worker`: every worker counts for itself. `global`: all count together, in Redis (`task_handler.limit_store`). */
export type LimitScope = 'worker' | 'global';

export interface RateLimitOptions<Input = never> {
  /** Starts per period. More than 0; below 1 as well: 0.5 per minute is one in two minutes. */
  readonly limit: number;
  /** The period. `'1s'`, `'1m'`, `'1h'`. */
  readonly per: Duration;
  /** So many may start at once after a rest. A whole number; default 1: evenly spaced. */
  readonly burst?: number;
  /** Default: one count for the task. */
  readonly key?: LimitKey<Input>;
  /** Default `worker`. */
  readonly scope?: LimitScope;
}

export interface ConcurrencyOptions<Input = never> {
  /** How many run at once. A whole number of at least 1. */
  readonly max: number;
  /** Default: one count for the task. */
  readonly key?: LimitKey<Input>;
  /** Default `worker`. */
  readonly scope?: LimitScope;
}

export interface KillSwitchOptions {
  /** Pauses the task when more than this part of the results are failures; 0 to 1, below 1. Default 0.5. */
  readonly failures?: number;
  /** Results before it judges. Default 20. */
  readonly minimum?: number;
  /** How far back results count. Default `'60s'`. */
  readonly within?: Duration;
  /** How long the task is paused. Default `'30s'`. */
  readonly pause?: Duration;
}

/** The limits of a task. A registration's go over its contract's, limit by limit. */
export interface LimitOptions<Input = never> {
  /**
   * How often it starts. As text as Celery's `rate_limit`, per worker: `'10/m'`, `'100/s'`, `'5/h'`, `'7'` a second.
   * False: no limit, also where the contract has one.
   */
  readonly rateLimit?: string | RateLimitOptions<Input> | false;
  /** How many run at once; a number is `{ max }`. False: no limit, also where the contract has one. */
  readonly concurrency?: number | ConcurrencyOptions<Input> | false;
  /** When it is paused because it fails; over `task_handler.kill_switch`. False: never. */
  readonly killSwitch?: KillSwitchOptions | false;
}

export interface RateLimit {
  readonly limit: number;
  readonly periodMs: number;
  readonly burst: number;
  readonly key: LimitKey | undefined;
  readonly scope: LimitScope;
}

export interface ConcurrencyLimit {
  readonly max: number;
  readonly key: LimitKey | undefined;
  readonly scope: LimitScope;
}

export interface KillSwitch {
  readonly failures: number;
  readonly minimum: number;
  readonly withinMs: number;
  readonly pauseMs: number;
}

export interface Limits {
  readonly rate: RateLimit | undefined;
  readonly concurrency: ConcurrencyLimit | undefined;
  readonly killSwitch: KillSwitch | undefined;
}

/** A day is enough for any pause, and bounds what a lost turn costs. */
const longest = 86_400;
const most = 1_000_000;

/** Throws ERR_CONTRACT_INVALID for a limit that is unknown or cannot be. */
export function checkLimitOptions({ rateLimit, concurrency, killSwitch }: LimitOptions): void {
  readRate(rateLimit);
  readConcurrency(concurrency);
  if (killSwitch !== undefined) checkKillSwitch(killSwitch);
}

/** The limits of a task from contract and registration; the later ones win. `off`: what the configuration says. */
export function limitsOf(layers: readonly (LimitOptions | undefined)[], off: KillSwitchConfig): Limits {
  const given = layers.filter((layer) => layer !== undefined);
  return {
    rate: readRate(given.findLast(({ rateLimit }) => rateLimit !== undefined)?.rateLimit),
    concurrency: readConcurrency(given.findLast(({ concurrency }) => concurrency !== undefined)?.concurrency),
    killSwitch: killSwitchOf(given.findLast(({ killSwitch }) => killSwitch !== undefined)?.killSwitch, off),
  };
}

/** Undefined is no limit. Throws ERR_CONTRACT_INVALID for one that cannot be. */
export function readRate(given: LimitOptions['rateLimit']): RateLimit | undefined {
  if (given === undefined || given === false) return undefined;
  if (typeof given === 'string') return readCeleryRate(given);
  checkKeys('rateLimit', given, ['limit', 'per', 'burst', 'key', 'scope']);
  const { limit, per, burst = 1, key, scope = 'worker' } = given;
  mustBe(['rateLimit.limit', limit], isNumber(limit) && limit > 0 && limit <= most, 'a number above 0');
  mustBe(['rateLimit.per', per], isDuration(per), `a duration of 1 ms to a day, such as '1m'`);
  mustBe(['rateLimit.burst', burst], isWhole(burst, 1), 'a whole number of at least 1');
  checkKeyAndScope('rateLimit', { key, scope });
  return { limit, periodMs: parseDuration(per) * 1000, burst, key, scope };
}

const celeryRate = /^([0-9]{1,7}(?:\.[0-9]{1,6})?)(?:\/([smh]))?$/u;
const celeryPeriods: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };

/** Source: celery/utils/time.py `rate`; 0 is no limit, and without a unit it is per second. */
function readCeleryRate(text: string): RateLimit | undefined {
  const match = celeryRate.exec(text);
  if (match === null)
    throw wrong('rateLimit', text, "text such as '10/m', '100/s', '5/h', or { limit, per }");
  const limit = Number(match[1]);
  if (limit === 0) return undefined;
  return {
    limit,
    periodMs: celeryPeriods[match[2] ?? 's'] as number,
    burst: 1,
    key: undefined,
    scope: 'worker',
  };
}

function readConcurrency(given: LimitOptions['concurrency']): ConcurrencyLimit | undefined {
  if (given === undefined || given === false) return undefined;
  const options = typeof given === 'number' ? { max: given } : given;
  checkKeys('concurrency', options, ['max', 'key', 'scope']);
  const { max, key, scope = 'worker' } = options;
  mustBe(['concurrency.max', max], isWhole(max, 1), 'a whole number of at least 1');
  checkKeyAndScope('concurrency', { key, scope });
  return { max, key, scope };
}

function checkKillSwitch(given: KillSwitchOptions | false): void {
  if (given === false) return;
  checkKeys('killSwitch', given, ['failures', 'minimum', 'within', 'pause']);
  const { failures = 0, minimum = 1, within = 1, pause = 1 } = given;
  const isRatio = isNumber(failures) && failures >= 0 && failures < 1;
  mustBe(['killSwitch.failures', failures], isRatio, 'a number from 0 to 1, below 1');
  mustBe(['killSwitch.minimum', minimum], isWhole(minimum, 1), 'a whole number of at least 1');
  mustBe(['killSwitch.within', within], isDuration(within), `a duration of 1 ms to a day, such as '60s'`);
  mustBe(['killSwitch.pause', pause], isDuration(pause), `a duration of 1 ms to a day, such as '30s'`);
}

const usualFailures = 0.5;

function killSwitchOf(given: LimitOptions['killSwitch'], config: KillSwitchConfig): KillSwitch | undefined {
  if (given === false || (given === undefined && config.failures === undefined)) return undefined;
  const own = given ?? {};
  return {
    failures: own.failures ?? config.failures ?? usualFailures,
    minimum: own.minimum ?? config.minimum,
    withinMs: parseDuration(own.within ?? config.within) * 1000,
    pauseMs: parseDuration(own.pause ?? config.pause) * 1000,
  };
}

function checkKeyAndScope(option: string, { key, scope }: { key: unknown; scope: unknown }): void {
  const isKey = key === undefined || typeof key === 'function' || (typeof key === 'string' && key !== '');
  mustBe([`${option}.key`, key], isKey, "a path into the input, such as 'account.id', or a function of it");
  mustBe([`${option}.scope`, scope], scope === 'worker' || scope === 'global', "'worker' or 'global'");
}

function checkKeys(option: string, given: unknown, known: readonly string[]): void {
  const isMap = typeof given === 'object' && given !== null && !Array.isArray(given);
  mustBe([option, given], isMap, `an object with ${known.join(', ')}, or false`);
  const unknown = Object.keys(given as object).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  const near = nearest(unknown, known);
  throw new CeleriacError('ERR_CONTRACT_INVALID', {
    message: `There is no '${option}.${unknown}'.${near === undefined ? '' : ` Nearest: '${near}'.`}`,
    hint: `Known are ${known.join(', ')}.`,
    values: { key: `${option}.${unknown}`, known },
  });
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

function isWhole(value: unknown, least: number): boolean {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
}

function isDuration(value: unknown): boolean {
  try {
    const seconds = parseDuration(value as Duration);
    return seconds >= 0.001 && seconds <= longest;
  } catch {
    return false; // it throws for nothing else
  }
}

function mustBe([key, value]: readonly [string, unknown], isAllowed: boolean, allowed: string): void {
  if (!isAllowed) throw wrong(key, value, allowed);
}

function wrong(key: string, value: unknown, allowed: string): CeleriacError {
  return new CeleriacError('ERR_CONTRACT_INVALID', {
    message: `The limit '${key}' cannot be ${inspect(value, { depth: 1 }).slice(0, 60)}.`,
    hint: `Allowed: ${allowed}.`,
    values: { key },
  });
}
