/** Which dead letters are meant: by name, reason, id and age. Pure. */
import { type Duration, parseDuration } from '../config/duration.js';
import { matchesGlob } from '../policy/routing.js';
import type { DeadLetter } from './letter.js';

/** All that is given has to fit; of several ids or reasons, one. Without anything every dead letter fits. */
export interface DeadLetterFilter {
  /** The task's name or the event's type; `*` stands for any text. */
  readonly task?: string | undefined;
  readonly reason?: string | readonly string[] | undefined;
  readonly id?: string | readonly string[] | undefined;
  /** Died longer ago than this. What does not say when it died does not fit. */
  readonly olderThan?: Duration | undefined;
  readonly newerThan?: Duration | undefined;
  /** So many at most, the oldest first. */
  readonly limit?: number | undefined;
}

/** The test of all but `limit`. Throws ERR_INPUT_INVALID for a duration that is none. */
export function compileFilter(filter: DeadLetterFilter, now: number): (letter: DeadLetter) => boolean {
  const { task, reason, id, olderThan, newerThan } = filter;
  const tests: ((letter: DeadLetter) => boolean)[] = [];
  if (task !== undefined) tests.push(({ name }) => name !== undefined && matchesGlob(task, name));
  if (reason !== undefined) tests.push((letter) => among(reason, letter.reason));
  if (id !== undefined) tests.push((letter) => among(id, letter.id));
  if (olderThan !== undefined) {
    const before = now - parseDuration(olderThan) * 1000;
    tests.push(({ time }) => time !== undefined && time < before);
  }
  if (newerThan !== undefined) {
    const after = now - parseDuration(newerThan) * 1000;
    tests.push(({ time }) => time !== undefined && time > after);
  }
  return (letter) => tests.every((test) => test(letter));
}

/** True when everything fits. */
export function isEmptyFilter(filter: DeadLetterFilter): boolean {
  return Object.values(filter).every((value) => value === undefined);
}

function among(wanted: string | readonly string[], value: string | undefined): boolean {
  return typeof wanted === 'string' ? wanted === value : wanted.some((one) => one === value);
}
