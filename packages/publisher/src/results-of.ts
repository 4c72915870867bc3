/** Many results, in the order in which they come. */
import { setMaxListeners } from 'node:events';

import type { AsyncResult, ResultOptions } from './async-result.js';

/** How one of several tasks ended. */
export type SettledResult<Of extends AsyncResult = AsyncResult> =
  | { readonly receipt: Of; readonly status: 'fulfilled'; readonly value: Awaited<ReturnType<Of['result']>> }
  /** `reason` is what `result` rejected with: a TaskError, ERR_RESULT_TIMEOUT, … */
  | { readonly receipt: Of; readonly status: 'rejected'; readonly reason: unknown };

/**
 * Gives the result of each as soon as it is there, whichever comes first. One that fails is given as such and does not
 * end the others. `timeout` is for all together. Leaving the loop ends the waiting.
 */
export async function* resultsOf<Of extends AsyncResult>(
  receipts: Iterable<Of>,
  { signal, ...options }: ResultOptions = {},
): AsyncGenerator<SettledResult<Of>, void, undefined> {
  const leaving = new AbortController();
  const both = signal === undefined ? leaving.signal : AbortSignal.any([leaving.signal, signal]);
  setMaxListeners(0, both); // one for each
  const done: SettledResult<Of>[] = [];
  let wake: () => void = () => undefined;
  let left = 0;
  for (const receipt of receipts) {
    left++;
    const settle = (one: SettledResult<Of>): void => {
      done.push(one);
      wake();
    };
    receipt.result({ ...options, signal: both }).then(
      (value) => settle({ receipt, status: 'fulfilled', value: value as never }),
      (reason: unknown) => settle({ receipt, status: 'rejected', reason }),
    );
  }
  try {
    let next = 0;
    for (; left > 0; left--) {
      if (next === done.length) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      yield done[next++] as SettledResult<Of>;
    }
  } finally {
    leaving.abort();
  }
}
