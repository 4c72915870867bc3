/** The modules of `--require`: imports them by path and lets them register their handlers. Starts nothing. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import { errorText } from '@celeriac/core';
import type { Worker } from '@celeriac/worker';

import { ModuleError, UsageError } from './exit-codes.js';

type Register = (worker: Worker) => unknown;

/** Rejects with UsageError for a module that is not there or registers nothing, ModuleError for one that throws. */
export async function registerModule(path: string, worker: Worker): Promise<void> {
  const register = registerOf(await load(path));
  if (register === undefined) {
    throw new UsageError(
      `${path} exports neither a function 'register' nor a default function that takes the worker`,
    );
  }
  try {
    await register(worker);
  } catch (cause) {
    throw failed(`'${path}' cannot register its handlers`, cause);
  }
}

async function load(path: string): Promise<unknown> {
  const file = resolve(path);
  if (!existsSync(file)) throw new UsageError(`the module ${path} does not exist (${file})`);
  try {
    return await import(pathToFileURL(file).href);
  } catch (cause) {
    throw failed(`'${path}' cannot be loaded`, cause);
  }
}

/** `register`, a default function, or the `register` of a CommonJS module whose names Node did not find. */
function registerOf(exported: unknown): Register | undefined {
  const { register, default: fallback } = exported as { register?: unknown; default?: unknown };
  const candidates = [register, fallback, (fallback as { register?: unknown } | undefined | null)?.register];
  return candidates.find((candidate) => typeof candidate === 'function') as Register | undefined;
}

function failed(what: string, cause: unknown): ModuleError {
  const text = errorText(cause);
  const end = /[.!?]$/u.test(text) ? '' : '.';
  return new ModuleError(`The module ${what}: ${text}${end} CELERIAC_DEBUG=1 shows where.`, { cause });
}
