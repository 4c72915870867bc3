/** Waiting for something to become true, with the last thing seen in the failure. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface WaitOptions {
  /** Milliseconds. Generous: machines are slow and shared. Default 60 000. */
  readonly within?: number;
  readonly every?: number;
  /** What is waited for, for the failure's text. */
  readonly what?: string;
}

/** Resolves with the first value of `check` that is neither false, null nor undefined. A throw counts as not yet. */
export async function waitFor<T>(
  check: () => T | Promise<T>,
  options: WaitOptions = {},
): Promise<Exclude<T, false | null | undefined>> {
  const { within = 60_000, every = 25, what = 'a condition' } = options;
  const end = performance.now() + within;
  let last: unknown;
  for (;;) {
    try {
      last = await check();
      if (last !== false && last !== null && last !== undefined) return last as never;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end)
      throw new Error(`waited ${within} ms for ${what}; last seen: ${String(last)}`);
    await sleep(every);
  }
}
