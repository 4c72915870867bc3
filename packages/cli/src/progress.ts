/**
 * Says on standard error how far long work has come: in one line that is written anew on a terminal, else in a line now
 * and then. Short work says nothing. Standard output is for results.
 */
import { type Clock, systemClock } from '@celeriac/core';

export interface ProgressOptions {
  /** Nothing is said: a program reads standard error. */
  readonly isQuiet?: boolean | undefined;
  readonly clock?: Clock;
  /** The part of `process.stderr` that is used; the default. */
  readonly output?: { readonly isTTY?: boolean; write(text: string): unknown };
}

export interface ProgressLine {
  /** As often as one likes. */
  readonly tell: (text: string) => void;
  /** Takes the line away. Idempotent. */
  readonly end: () => void;
}

/** Until then a person does not wonder. */
const patienceMs = 2_000;
const redrawMs = 200;
const lineMs = 10_000;

export function progressLine(options: ProgressOptions = {}): ProgressLine {
  const { isQuiet = false, clock = systemClock, output = process.stderr } = options;
  const inPlace = output.isTTY === true;
  let due = clock.monotonic() + patienceMs;
  let isShown = false;
  const tell = (text: string): void => {
    if (isQuiet || clock.monotonic() < due) return;
    due = clock.monotonic() + (inPlace ? redrawMs : lineMs);
    output.write(inPlace ? `\r${text}\u001b[K` : `${text}\n`);
    isShown = inPlace;
  };
  const end = (): void => {
    if (isShown) output.write('\r\u001b[K');
    isShown = false;
  };
  return { tell, end };
}
