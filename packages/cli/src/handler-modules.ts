/** The modules of `--require`: lets the worker load them, and says what is wrong in terms of the command line. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

import { errorText, isCeleriacError } from '@celeriac/core';
import type { Beat, Worker } from '@celeriac/worker';

import { ModuleError, UsageError } from './exit-codes.js';

/** Rejects with UsageError for a module that is not there or registers nothing, ModuleError for one that throws. */
export async function registerModule(path: string, worker: Worker): Promise<void> {
  const file = existing(path);
  try {
    await worker.load(file);
  } catch (error) {
    if (!isCeleriacError(error, 'ERR_HANDLER_MODULE')) throw error;
    throw inWords(path, error);
  }
}

/** The same for schedules. `isOptional`: one that has none is fine; resolves with whether it has. */
export async function registerSchedules(
  path: string,
  beat: Beat,
  { isOptional = false }: { readonly isOptional?: boolean } = {},
): Promise<boolean> {
  const file = existing(path);
  try {
    await beat.load(file);
    return true;
  } catch (error) {
    if (!isCeleriacError(error, 'ERR_HANDLER_MODULE')) throw error;
    if (isOptional && error.values.why === 'no-schedule') return false;
    throw inWords(path, error);
  }
}

function existing(path: string): string {
  const file = resolve(path);
  if (!existsSync(file)) throw new UsageError(`the module ${path} does not exist (${file})`);
  return file;
}

function inWords(path: string, { values, cause }: { values: { why?: unknown }; cause?: unknown }): Error {
  if (values.why === 'no-register') {
    return new UsageError(
      `${path} exports neither a function 'register' nor a default function that takes the worker`,
    );
  }
  if (values.why === 'no-schedule') {
    return new UsageError(`${path} exports no function 'schedule' that takes the beat`);
  }
  const what =
    values.why === 'not-loaded' ? `'${path}' cannot be loaded` : `'${path}' cannot register its handlers`;
  const text = errorText(cause);
  const end = /[.!?]$/u.test(text) ? '' : '.';
  return new ModuleError(`The module ${what}: ${text}${end} CELERIAC_DEBUG=1 shows where.`, { cause });
}
