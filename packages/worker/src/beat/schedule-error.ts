/** Errors of schedules. */
import { CeleriacError } from '@celeriac/core';

/** `problem` goes on from the key: `has '60': allowed is 0 to 59`. */
export function invalid(
  schedule: string,
  where: string | { readonly key: string; readonly field: string | undefined },
  problem: string,
): CeleriacError {
  const { key, field } = typeof where === 'string' ? { key: where, field: undefined } : where;
  const which = field === undefined ? key : `${key}, field ${field},`;
  return new CeleriacError('ERR_SCHEDULE_INVALID', {
    message: `The schedule '${schedule}' cannot be used: ${which} ${problem}.`,
    hint: 'docs/schedules.md describes the keys and the fields of cron.',
    values: { schedule, key, ...(field === undefined ? {} : { field }) },
  });
}

export function unknown(schedule: string): CeleriacError {
  return new CeleriacError('ERR_SCHEDULE_UNKNOWN', {
    message: `The active beat has no schedule '${schedule}'.`,
    hint: 'celeriac beat schedules lists them.',
    values: { schedule },
  });
}
