/** The errors of databases, as the relay and the cleaner report them. */
import { CeleriacError, errorText } from '@celeriac/core';

export function storeSilent(what: string, ms: number): CeleriacError {
  return new CeleriacError('ERR_OUTBOX_STORE', {
    message: `The database did not ${what} within ${ms / 1000} s.`,
    hint: 'It is tried again.',
    values: { what, timeoutMs: ms },
  });
}

export function storeFailed(what: string, cause: unknown): CeleriacError {
  const sqlState = sqlStateOf(cause);
  return new CeleriacError('ERR_OUTBOX_STORE', {
    message: `The database could not ${what}: ${errorText(cause)}.`,
    hint:
      sqlState === '42P01' || sqlState === '42703'
        ? 'Run the SQL of schemaSql() in a migration first.'
        : 'It is tried again.',
    values: { what, ...(sqlState === undefined ? {} : { sqlState }) },
    cause,
  });
}

/** PostgreSQL's own code of an error: drivers put it into `code`, object mappers wrap the error. */
export function sqlStateOf(error: unknown): string | undefined {
  for (let one = error, depth = 0; depth < 4 && typeof one === 'object' && one !== null; depth++) {
    const { code, cause } = one as { code?: unknown; cause?: unknown };
    if (typeof code === 'string' && /^[0-9A-Z]{5}$/u.test(code)) return code;
    one = cause;
  }
  return undefined;
}
