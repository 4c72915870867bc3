/**
 * Modules that register handlers: imports them and finds what takes the worker. Threads and processes of a pool load
 * the same modules. Starts nothing.
 */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import { CeleriacError, errorText } from '@celeriac/core';

/** What is exported to register handlers: `register`, or a default function. */
export type Register<Target> = (worker: Target) => unknown;

/** The URL of a module that is named by URL, or by a path from the working directory. */
export function moduleUrl(module: string | URL): string {
  if (module instanceof URL) return module.href;
  return /^(?:file|data|node):/u.test(module) ? module : pathToFileURL(resolve(module)).href;
}

/** Rejects with ERR_HANDLER_MODULE; `values.why` says what is wrong. */
export async function registerFrom<Target>(url: string, worker: Target): Promise<void> {
  let exported: unknown;
  try {
    exported = await import(url);
  } catch (cause) {
    throw moduleError(url, 'not-loaded', cause);
  }
  const register = registerOf<Target>(exported);
  if (register === undefined) throw moduleError(url, 'no-register');
  try {
    await register(worker);
  } catch (cause) {
    throw moduleError(url, 'not-registered', cause);
  }
}

/** `register`, a default function, or the `register` of a CommonJS module whose names Node did not find. */
function registerOf<Target>(exported: unknown): Register<Target> | undefined {
  const { register, default: fallback } = exported as { register?: unknown; default?: unknown };
  const candidates = [register, fallback, (fallback as { register?: unknown } | undefined | null)?.register];
  return candidates.find((candidate) => typeof candidate === 'function') as Register<Target> | undefined;
}

const problems = {
  'not-loaded': 'cannot be loaded',
  'not-registered': 'cannot register its handlers',
  'no-register': "exports neither a function 'register' nor a default function that takes the worker",
} as const;

function moduleError(url: string, why: keyof typeof problems, cause?: unknown): CeleriacError {
  const text = why === 'no-register' ? '' : `: ${errorText(cause)}`;
  return new CeleriacError('ERR_HANDLER_MODULE', {
    message: `The module '${url}' ${problems[why]}${text}${/[.!?]$/u.test(text) ? '' : '.'}`,
    hint: 'A module with handlers exports register(worker), and may be imported more than once.',
    values: { module: url, why },
    ...(cause === undefined ? {} : { cause }),
  });
}
