/** Waiting that has an end. Whatever is waited for goes on by itself; only the waiting stops. */
import type { Clock, Timer } from './clock.js';

/** Resolves when `work` has, or after `ms` without it. Rejects as `work` does, if that is first. */
export async function waitAtMost(clock: Clock, ms: number, work: Promise<unknown>): Promise<void> {
  const done = new AbortController();
  try {
    await Promise.race([work, clock.sleep(ms, done.signal)]);
  } finally {
    done.abort();
  }
}

export interface Deadline {
  readonly clock: Clock;
  readonly ms: number;
  /** The error for work that has not ended by then. */
  readonly late: () => Error;
}

/** What `work` resolves with; rejects with `late()` after `ms`. */
export async function withDeadline<T>(work: Promise<T>, { clock, ms, late }: Deadline): Promise<T> {
  let timer: Timer | undefined;
  const end = new Promise<never>((_, reject) => {
    timer = clock.after(ms, () => reject(late()));
  });
  work.catch(() => undefined); // too late to matter when the end was first
  try {
    return await Promise.race([work, end]);
  } finally {
    timer?.cancel();
  }
}
