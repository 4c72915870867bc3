/** A table again and again, until Ctrl-C: in place on a terminal, one below the other elsewhere, or as lines of JSON. */
import { errorText, parseDuration, systemClock } from '@celeriac/core';

import { print, printJsonLine } from './output.js';
import { type Line, painted, type Room, Screen } from './screen.js';
import { printable } from './text.js';
import { untilSignal } from './until-signal.js';

export interface LiveOptions<Value> {
  /** Between two tables. */
  readonly interval: string;
  /** One table, and the end. */
  readonly once: boolean;
  readonly json: boolean;
  /** What it shows is gathered over an interval: the first table is due after one. */
  readonly isGathered?: boolean;
  readonly read: () => Promise<Value>;
  /** `room` is that of the terminal; undefined where there is no end to the paper. */
  readonly show: (value: Value, room: Room | undefined) => readonly Line[];
  readonly toJson: (value: Value) => unknown;
}

/** Resolves with the last value that was shown. Rejects as `read` does. */
export async function showLive<Value>(options: LiveOptions<Value>): Promise<Value | undefined> {
  const { once, json } = options;
  if (!process.stdout.isTTY || once || json) return repeat(options, undefined);
  using screen = new Screen(process.stdout);
  return await repeat(options, screen);
}

async function repeat<Value>(
  options: LiveOptions<Value>,
  screen: Screen | undefined,
): Promise<Value | undefined> {
  const { interval, once, isGathered = false, read } = options;
  const ms = parseDuration(interval) * 1000;
  const ended = new AbortController();
  const end = untilSignal().then(() => ended.abort());
  let last: Value | undefined;
  for (let isFirst = true; ; isFirst = false) {
    const pause = (): Promise<void> => systemClock.sleep(ms, ended.signal);
    if (!isGathered && !isFirst) await pause();
    const next = isGathered ? Promise.all([read(), pause()]).then(([value]) => value) : read();
    const seen = next.then(
      (value): Seen<Value> => ({ value }),
      (error: unknown): Seen<Value> => ({ error }),
    );
    const found = await Promise.race([seen, end.then(() => undefined)]);
    if (found === undefined || ended.signal.aborted) return last;
    if ('value' in found) {
      last = found.value;
      draw(last, { ...options, screen });
    } else {
      // A broker that was there comes back, most likely.
      if (isFirst) throw found.error;
      tellTrouble(found.error, screen);
    }
    if (once) return last;
  }
}

type Seen<Value> = { readonly value: Value } | { readonly error: unknown };

function tellTrouble(error: unknown, screen: Screen | undefined): void {
  const text = printable(errorText(error));
  if (screen === undefined) process.stderr.write(`${text}\n`);
  else screen.draw([{ text, tone: 'bad' }]);
}

function draw<Value>(
  value: Value,
  { json, show, toJson, screen }: LiveOptions<Value> & { readonly screen: Screen | undefined },
): void {
  if (json) printJsonLine(toJson(value));
  else if (screen !== undefined) screen.draw(show(value, screen.room));
  else for (const line of painted(show(value, undefined), process.stdout)) print(line);
}
