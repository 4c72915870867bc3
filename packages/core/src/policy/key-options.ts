/**
 * What keeps a task from running, or from being sent, more often than wanted: the options, on contracts,
 * registrations and single sends. Types and checks; no I/O.
 */
import { type Duration, parseDuration } from '../config/duration.js';
import { CeleriacError } from '../errors.js';

/**
 * How a key is made of an input: by a function, or by the path of a value in it, as `'order.id'` or, for positional
 * arguments, `'0'`. What it makes is text, a number or a boolean.
 */
export type KeyOf<Input> = string | ((input: Input) => string | number | bigint | boolean);

/** It succeeds once for a key, within the window. `Key` is a `KeyOf`; on a single send it is the key itself. */
export interface IdempotencyOptions<Key> {
  /** Default: the message's id. Keys of different tasks do not meet. */
  readonly key?: Key;
  /** For how long a success is remembered. Default `'24h'`. */
  readonly window?: Duration;
}

interface Unique<Key> {
  /** Default: the whole input. Keys of different tasks do not meet. */
  readonly key?: Key;
  /** After so long another one is sent whatever became of the first. Default `'1h'`; a delay is added to it. */
  readonly ttl?: Duration;
}

/**
 * Not sent while another one with the same key waits (`queued`: until a worker starts it), runs (`running`), or either
 * (`queued-or-running`: its retries included); or for the whole `ttl`, whatever becomes of it. `drop` sends nothing, and
 * is the default; `replace` sends the new one, and the one that waits is acknowledged without running.
 */
export type UniqueOptions<Key> = Unique<Key> &
  (
    | { readonly while: 'queued'; readonly on?: 'drop' | 'replace' }
    | { readonly while: 'running' | 'queued-or-running' | 'ttl'; readonly on?: 'drop' }
  );

/** Of several sends with the same key the last one runs, once none has come for `wait`. */
export interface DebounceOptions<Key> {
  /** Default: the whole input. Keys of different tasks do not meet. */
  readonly key?: Key;
  readonly wait: Duration;
  /** It runs so long after the first of them at the latest. Default: no limit. */
  readonly maxWait?: Duration;
}

export interface KeyOptions<Key> {
  readonly idempotency?: IdempotencyOptions<Key>;
  readonly unique?: UniqueOptions<Key>;
  readonly debounce?: DebounceOptions<Key>;
}

const rules = ['queued', 'running', 'queued-or-running', 'ttl'];

/** Throws ERR_CONTRACT_INVALID for what cannot be. */
export function checkKeyOptions({ idempotency, unique, debounce }: KeyOptions<KeyOf<never>>): void {
  if (idempotency !== undefined) check('idempotency', idempotency, { durations: ['window'] });
  if (unique !== undefined) {
    check('unique', unique, { others: ['while', 'on'], durations: ['ttl'] });
    const { while: rule, on = 'drop' } = unique as { while: string; on?: string };
    if (!rules.includes(rule)) throw invalid('unique', `while is one of ${rules.join(', ')}`);
    if (on !== 'drop' && on !== 'replace') throw invalid('unique', 'on is drop or replace');
    if (on === 'replace' && rule !== 'queued')
      throw invalid('unique', 'only one that is queued can be replaced');
  }
  if (debounce !== undefined) {
    check('debounce', debounce, { durations: ['wait', 'maxWait'] });
    if ((debounce as { wait?: unknown }).wait === undefined) throw invalid('debounce', 'wait is missing');
    if (unique !== undefined) throw invalid('debounce', 'it cannot be combined with unique');
  }
}

interface Known {
  readonly durations: readonly string[];
  readonly others?: readonly string[];
}

function check(option: string, given: object, { durations, others = [] }: Known): void {
  for (const [name, value] of Object.entries(given) as [string, unknown][]) {
    if (name === 'key') {
      const isPath = typeof value === 'string' && value !== '';
      if (!isPath && typeof value !== 'function')
        throw invalid(option, 'key is a function, or the path of a value');
    } else if (durations.includes(name)) {
      if (parseDuration(value as Duration) <= 0) throw invalid(option, `${name} is over 0`);
    } else if (!others.includes(name)) {
      throw invalid(option, `it has no '${name}'`);
    }
  }
}

function invalid(option: string, problem: string): CeleriacError {
  return new CeleriacError('ERR_CONTRACT_INVALID', {
    message: `The option '${option}' cannot be: ${problem}.`,
    hint: 'See docs/idempotency.md.',
    values: { option },
  });
}
