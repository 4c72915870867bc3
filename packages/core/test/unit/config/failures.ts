/** What a configuration was refused with, for the tests of loading. */
import type { Config } from '../../../dist/config/types.js';
import { type CeleriacError, type ErrorCode, isCeleriacError } from '../../../dist/errors.js';

export async function failure(
  loading: Promise<Config>,
  code: ErrorCode = 'ERR_CONFIG_INVALID',
): Promise<CeleriacError> {
  const error: unknown = await loading.then(
    () => new Error('It was accepted.'),
    (reason: unknown) => reason,
  );
  if (isCeleriacError(error, code)) return error;
  throw error;
}

/** The problems by path. */
export async function problems(loading: Promise<Config>): Promise<Record<string, string>> {
  const { values } = await failure(loading);
  const list = values.problems as { path: string; message: string }[];
  return Object.fromEntries(list.map(({ path, message }) => [path, message]));
}
