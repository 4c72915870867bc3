/**
 * Sends a stream of inputs with a bounded number on the way. Reads the input only as fast as messages are
 * settled; never holds more than the window.
 */
import type { Clock } from './clock.js';
import { CeleriacError, errorText, isCeleriacError } from './errors.js';
import type { SentMessage } from './ports.js';

export interface SendAllOptions {
  readonly window: number;
  readonly clock: Clock;
  readonly send: (input: unknown) => Promise<SentMessage>;
}

/** Pause before a message that found the publisher full is tried again, times how many did. */
const fullPauseMs = 20;

export async function sendAll(
  inputs: Iterable<unknown> | AsyncIterable<unknown>,
  options: SendAllOptions,
): Promise<SentMessage[]> {
  const run = new Run(options);
  try {
    for await (const input of inputs) {
      await run.launch(input);
      if (run.failures.length > 0) break;
    }
  } finally {
    await run.done(); // also when the input itself throws: nothing is left behind unawaited
  }
  if (run.failures.length > 0) throw incomplete(run.launched, run.failures);
  return run.sent;
}

interface Failure {
  readonly index: number;
  readonly error: unknown;
}

/** One call of `sendAll`: what is on the way, and how the rest ended. */
class Run {
  readonly sent: SentMessage[] = [];
  readonly failures: Failure[] = [];
  launched = 0;
  #options: SendAllOptions;
  #onTheWay = 0;
  #turnedAway = 0;
  #wake: (() => void) | undefined;

  constructor(options: SendAllOptions) {
    this.#options = options;
  }

  /** Sends one; resolves when there is room for the next. */
  async launch(input: unknown): Promise<void> {
    const index = this.launched++;
    this.#onTheWay++;
    void this.#send(input).then(
      (receipt) => {
        this.sent[index] = receipt;
        this.#landed();
      },
      (error: unknown) => {
        this.failures.push({ index, error });
        this.#landed();
      },
    );
    // Once the publisher is full nothing more is read until the last one that found it so has got in.
    while (this.#onTheWay >= this.#options.window || this.#turnedAway > 0) await this.#next();
  }

  async done(): Promise<void> {
    while (this.#onTheWay > 0) await this.#next();
  }

  /** A publisher that is full is tried again after a pause, the longer the more of us wait for it. */
  async #send(input: unknown): Promise<SentMessage> {
    const { send, clock } = this.#options;
    let turnedAway = false;
    try {
      for (;;) {
        try {
          return await send(input);
        } catch (error) {
          if (!isCeleriacError(error, 'ERR_PUBLISH_BACKPRESSURE')) throw error;
        }
        if (!turnedAway) this.#turnedAway++;
        turnedAway = true;
        await clock.sleep(fullPauseMs * this.#turnedAway);
      }
    } finally {
      if (turnedAway) this.#turnedAway--;
    }
  }

  #next(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #landed(): void {
    this.#onTheWay--;
    this.#wake?.();
    this.#wake = undefined;
  }
}

function incomplete(total: number, failures: Failure[]): CeleriacError {
  failures.sort((a, b) => a.index - b.index);
  const first = failures[0];
  return new CeleriacError('ERR_SEND_MANY', {
    message: `${failures.length} of ${total} messages failed; the first is number ${(first?.index ?? 0) + 1}: ${errorText(first?.error)}`,
    hint: 'The others were confirmed; no further input was read.',
    values: {
      sent: total - failures.length,
      failed: failures.length,
      failures: failures.slice(0, 100).map(({ index, error }) => ({
        index,
        code: isCeleriacError(error) ? error.code : undefined,
        message: errorText(error),
      })),
    },
    cause: first?.error,
  });
}
