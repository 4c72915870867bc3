/**
 * Says on standard error why a command has nothing to say yet: that the broker does not answer, and why. Standard
 * output is for results. Decides nothing and ends nothing: the command's own deadline does.
 */
import { type Clock, errorText, type LogFields, type Logger, systemClock } from '@celeriac/core';

import { printable } from './text.js';

/** A person has begun to wonder by then. */
const patienceMs = 2_000;

export interface WaitingOptions {
  /** Nothing is said: a program reads standard error. */
  readonly isQuiet?: boolean | undefined;
  /** False: it may have its answer without the broker, and only what goes wrong is told. Default true. */
  readonly isConnecting?: boolean;
  readonly clock?: Clock;
  /** Default: standard error. */
  readonly write?: (line: string) => void;
}

export interface Waiting {
  /** For what connects. Only lines about connections are looked at. */
  readonly logger: Logger;
  /** The command has its answer, or its error. Idempotent. */
  readonly end: () => void;
}

export function watchWaiting(options: WaitingOptions = {}): Waiting {
  const { isQuiet = false, isConnecting = true, clock = systemClock, write = toStandardError } = options;
  const said = new Set<string>();
  let problem: string | undefined = isConnecting ? 'no answer yet' : undefined;
  let isLong = false;
  let isOver = isQuiet;
  const tell = (): void => {
    if (!isLong || isOver || problem === undefined || said.has(problem)) return;
    said.add(problem);
    write(`waiting for the broker: ${printable(problem)}`);
  };
  const begun = (): void => {
    isLong = true;
    tell();
  };
  const timer = clock.after(patienceMs, begun, { ref: false });
  const heard = (message: string, fields: LogFields = {}): void => {
    if (fields.connection === undefined) return;
    problem = problemOf(message, fields);
    tell();
  };
  const end = (): void => {
    isOver = true;
    timer.cancel();
  };
  const logger: Logger = { debug: () => undefined, info: calm, warn: heard, error: heard };
  return { logger, end };

  /** What a connection says in passing is that it is up. */
  function calm(_message: string, { connection }: LogFields = {}): void {
    if (connection !== undefined) problem = undefined;
  }
}

function problemOf(message: string, { error, reason }: LogFields): string {
  if (error !== undefined) return errorText(error);
  return typeof reason === 'string' ? `${message} (${reason})` : message;
}

function toStandardError(line: string): void {
  process.stderr.write(`${line}\n`);
}
