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

/** Pause before a message that found the publisher full (others use it too) is tried again. */
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
  #wake: (() => void) | undefined;

  constructor(options: SendAllOptions) {
    this.#options = options;
  }

  /** Sends one; resolves when there is room for the next. */
  async launch(input: unknown): Promise<void> {
    const index = this.launched++;
    this.#onTheWay++;
    void sendPatiently(input, this.#options).then(
      (receipt) => {
        this.sent[index] = receipt;
        this.#landed();
      },
      (error: unknown) => {
        this.failures.push({ index, error });
        this.#landed();
      },
    );
    while (this.#onTheWay >= this.#options.window) await this.#next();
  }

  async done(): Promise<void> {
    while (this.#onTheWay > 0) await this.#next();
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

async function sendPatiently(input: unknown, { send, clock }: SendAllOptions): Promise<SentMessage> {
  for (;;) {
    try {
      return await send(input);
    } catch (error) {
      if (!isCeleriacError(error, 'ERR_PUBLISH_BACKPRESSURE')) throw error;
      await clock.sleep(fullPauseMs);
    }
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
