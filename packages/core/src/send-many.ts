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
  const sent: SentMessage[] = [];
  const failures: { index: number; error: unknown }[] = [];
  const onTheWay = new Set<Promise<void>>();
  let index = 0;
  const launch = (input: unknown): void => {
    const position = index++;
    const one = sendPatiently(input, options).then(
      (receipt) => {
        sent[position] = receipt;
        onTheWay.delete(one);
      },
      (error: unknown) => {
        failures.push({ index: position, error });
        onTheWay.delete(one);
      },
    );
    onTheWay.add(one);
  };
  for await (const input of inputs) {
    if (failures.length > 0) break;
    launch(input);
    if (onTheWay.size >= options.window) await Promise.race(onTheWay);
  }
  await Promise.all(onTheWay);
  if (failures.length > 0) throw incomplete(index, failures);
  return sent;
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

function incomplete(total: number, failures: { index: number; error: unknown }[]): CeleriacError {
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
