/**
 * How long to wait before trying again. Pure: chance comes in. Doubles with every failure up to a cap; half of the
 * pause is random, so that many clients of one broker do not come back in step (AWS Architecture Blog, "Exponential
 * backoff and jitter": equal jitter).
 */

export interface Backoff {
  /** Pause after the first failure, milliseconds. */
  readonly firstMs: number;
  readonly longestMs: number;
  /** A number in [0, 1). */
  readonly random: () => number;
}

/** `failures` in a row so far; 0 is no pause. */
export function backoffMs(failures: number, { firstMs, longestMs, random }: Backoff): number {
  if (failures <= 0) return 0;
  const cap = Math.min(longestMs, firstMs * 2 ** Math.min(failures - 1, 30));
  return cap / 2 + (random() * cap) / 2;
}
