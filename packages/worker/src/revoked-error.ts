/** The error of a task that was cancelled. */
import { CeleriacError } from '@celeriac/core';

export function revoked({ id, name }: { readonly id: string; readonly name: string }): CeleriacError {
  return new CeleriacError('ERR_TASK_REVOKED', {
    message: `'${name}' was cancelled.`,
    hint: 'Send it again under another id, if it is wanted after all.',
    values: { id, name, reason: 'revoked' }, // Celery's word for it
  });
}
