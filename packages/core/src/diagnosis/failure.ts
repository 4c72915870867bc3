/** From what was thrown to a check that failed. Pure. */
import { errorText, isCeleriacError } from '../errors.js';
import type { Check } from './check.js';

export function failure(subject: string, error: unknown): Check {
  if (!isCeleriacError(error)) return { subject, state: 'failed', found: errorText(error) };
  // What kept a connection from coming up says more than that it did not.
  const told = error.hint === undefined && isCeleriacError(error.cause) ? error.cause : error;
  return { subject, state: 'failed', found: textWithoutHint(told), advice: told.hint, code: told.code };
}

/** The hint is told as advice. */
function textWithoutHint(error: { readonly hint?: string | undefined }): string {
  const text = errorText(error);
  const { hint } = error;
  return hint !== undefined && text.endsWith(hint) ? text.slice(0, -hint.length).trimEnd() : text;
}
