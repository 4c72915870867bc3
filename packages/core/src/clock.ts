/**
 * Time and chance, injected. Everything in Celeriac that waits, measures or rolls dice asks a Clock, so tests
 * can own both. This is the only file that touches the timers, `Date.now` and `Math.random`.
 */

/** A started timer. */
export interface Timer {
  /** Stops it; harmless when it has fired. */
  cancel(): void;
}

export interface Clock {
  /** Wall-clock time, milliseconds since the epoch. Jumps when the machine's clock is set. */
  now(): number;
  /** Monotonic time in milliseconds, for durations and deadlines. Never jumps. */
  monotonic(): number;
  /**
   * Calls `callback` once after `delayMs`. Delays over 2^31-1 ms are waited in steps: Node would fire them at
   * once. `ref: false` lets the process end while the timer waits.
   */
  after(delayMs: number, callback: () => void, options?: { readonly ref?: boolean }): Timer;
  /** Resolves after `delayMs`, or at once when `signal` is aborted. Never rejects. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
  /** A number in [0, 1). */
  random(): number;
}

/** Node fires a timer with a longer delay after 1 ms instead. */
const longestTimerMs = 2 ** 31 - 1;

function startTimer(delayMs: number, callback: () => void, ref: boolean): Timer {
  let handle: NodeJS.Timeout | undefined;
  const wait = (leftMs: number): void => {
    const stepMs = Math.min(leftMs, longestTimerMs);
    handle = setTimeout(() => (leftMs > stepMs ? wait(leftMs - stepMs) : callback()), stepMs);
    if (!ref) handle.unref();
  };
  wait(Math.max(0, delayMs));
  return { cancel: () => clearTimeout(handle) };
}

function sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve();
      return;
    }
    const finish = (): void => {
      timer.cancel();
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const timer = startTimer(delayMs, finish, true);
    signal?.addEventListener('abort', finish, { once: true });
  });
}

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delayMs, callback, options) => startTimer(delayMs, callback, options?.ref ?? true),
  sleep,
  random: () => Math.random(),
};
