/** Runs what handlers have sent, and what those send, until nothing is left that could run here. Bounded. */
import { AssertionError } from 'node:assert';

import type { Recorded } from './outbox.js';
import type { RunTarget } from './run.js';
import type { RunResult } from './run-result.js';

export interface DrainOptions {
  /** How many messages may run before it is taken for a circle. Default 1000. */
  readonly limit?: number;
}

/** Something that is still to be run. */
export interface Due {
  readonly recorded: Recorded;
  /** Milliseconds since the epoch; undefined is at once. */
  readonly at: number | undefined;
  /** The one place it goes to; undefined for what was sent: to everyone concerned. */
  readonly to?: RunTarget;
}

/** What was sent and not run yet, oldest first. */
export class Pending {
  #waiting: Due[] = [];

  get count(): number {
    return this.#waiting.length;
  }

  add(due: Due): void {
    this.#waiting.push(due);
  }

  /** Takes the oldest whose time has come. */
  takeDue(now: number): Due | undefined {
    const index = this.#waiting.findIndex(({ at }) => at === undefined || at <= now);
    return index === -1 ? undefined : this.#waiting.splice(index, 1)[0];
  }

  clear(): void {
    this.#waiting = [];
  }
}

export interface DrainParts {
  readonly pending: Pending;
  readonly now: () => number;
  readonly limit: number;
  /** Runs one; gives a result for each place it went to. */
  readonly run: (due: Due) => Promise<readonly RunResult[]>;
}

export async function drained({ pending, now, limit, run }: DrainParts): Promise<readonly RunResult[]> {
  const results: RunResult[] = [];
  for (let count = 0; ; count++) {
    const next = pending.takeDue(now());
    if (next === undefined) return results;
    if (count === limit) throw endless(limit, results);
    results.push(...(await run(next)));
  }
}

function endless(limit: number, results: readonly RunResult[]): AssertionError {
  const last = results.slice(-5).map(({ name, id }) => `  ${name ?? '?'} (${id ?? '?'})`);
  return new AssertionError({
    message: `drain has run ${limit} messages and there are still more: handlers that send to one another without an end? The last were:\n${last.join('\n')}\nRaise { limit } if so many are meant.`,
    operator: 'drain',
    stackStartFn: drained,
  });
}
