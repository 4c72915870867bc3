/** A logger whose lines are written by the main thread: an application's logger cannot be called from another one. */
import type { LogFields, Logger, LogLevel } from '@celeriac/core';

import type { Outbox } from './outbox.js';
import { copyable, toWire } from './wire-error.js';

export function forwardingLogger(outbox: Outbox): Logger {
  const log =
    (level: LogLevel) =>
    (message: string, { error, ...fields }: LogFields = {}): void =>
      outbox.add({
        kind: 'log',
        level,
        message,
        fields: copyable(fields) as Record<string, unknown>,
        error: error === undefined ? undefined : toWire(error),
      });
  return { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };
}
