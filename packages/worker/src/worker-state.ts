/** Errors of a worker that is asked for something at the wrong time. */
import { CeleriacError } from '@celeriac/core';

export function nothingRegistered(): CeleriacError {
  return new CeleriacError('ERR_WORKER_STATE', {
    message: 'This worker has nothing to do: no task and no application is registered.',
    hint: 'Call worker.task(…) or worker.application(…).on(…) before starting it.',
  });
}

export function wrongState(what: string, why: string): CeleriacError {
  return new CeleriacError('ERR_WORKER_STATE', {
    message: `This worker cannot ${what}: ${why}.`,
    hint: 'Register everything first, start once, stop once; make a new worker for another run.',
    values: { what },
  });
}

export function stopping(): CeleriacError {
  return new CeleriacError('ERR_WORKER_STOPPING', {
    message: 'The worker is stopping and its grace period is over.',
    hint: 'The message goes back to its queue when the handler throws, and runs elsewhere.',
  });
}
