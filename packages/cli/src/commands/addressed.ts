/** What the commands that ask workers have in common: whom they ask, how long they wait, and what silence means. */
import { type OpenedRemoteControl, openRemoteControl } from '@celeriac/core';
import type { Command } from 'commander';

import { exitCodes, UsageError } from '../exit-codes.js';
import { duration, queueNames } from '../parse.js';
import { configSource } from '../settings.js';
import { watchWaiting } from '../waiting.js';

export interface AddressOptions {
  readonly config?: string;
  readonly destination?: readonly string[];
  readonly pattern?: string;
  readonly timeout: string;
  readonly json?: boolean;
}

export function addressed(command: Command): Command {
  return command
    .option('--config <file>', 'YAML or JSON; default $CELERIAC_CONFIG, else ./celeriac.yaml')
    .option('-d, --destination <nodes>', 'only these workers, separated by commas', queueNames)
    .option('--pattern <glob>', 'only workers whose names match')
    .option('-t, --timeout <duration>', 'how long to wait for answers', duration('--timeout'), '1s')
    .option('--json', 'print the answers, or the error, as JSON');
}

/** Nobody answered: 69, as for a broker that does not. */
export function ended(count: number, { json, timeout }: AddressOptions): number {
  if (count > 0) return exitCodes.done;
  if (json !== true) process.stderr.write(`no worker answered within ${timeout}\n`);
  return exitCodes.unavailable;
}

export async function withControl<T>(
  options: AddressOptions,
  use: (control: OpenedRemoteControl) => Promise<T>,
): Promise<T> {
  if (options.pattern !== undefined && options.destination !== undefined)
    throw new UsageError('--destination and --pattern exclude one another');
  const waiting = watchWaiting({ isQuiet: options.json });
  const control = await openRemoteControl({ config: configSource(options), logger: waiting.logger });
  try {
    return await use(control);
  } finally {
    waiting.end();
    await control.close();
  }
}
