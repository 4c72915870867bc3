/** A table again and again, until Ctrl-C: in place on a terminal, one below the other elsewhere, or as lines of JSON. */
import { parseDuration, systemClock } from '@celeriac/core';

import { print, printJsonLine } from './output.js';
import { type Line, painted, type Room, Screen } from './screen.js';
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
    // What is still on its way when the command ends is of no interest.
    next.catch(() => undefined);
    const value = await Promise.race([next.then((seen) => ({ seen })), end.then(() => undefined)]);
    if (value === undefined || ended.signal.aborted) return last;
    last = value.seen;
    draw(last, { ...options, screen });
    if (once) return last;
  }
}

function draw<Value>(
  value: Value,
  { json, show, toJson, screen }: LiveOptions<Value> & { readonly screen: Screen | undefined },
): void {
  if (json) printJsonLine(toJson(value));
  else if (screen !== undefined) screen.draw(show(value, screen.room));
  else for (const line of painted(show(value, undefined), process.stdout)) print(line);
}
