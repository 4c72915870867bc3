/** What can stop a change of the topology, as errors that say what to do. Pure. */
import { CeleriacError, errorText, isCeleriacError } from '../errors.js';

/** Somebody else is at the queue. */
export function inUse(queues: readonly string[], why: string, cause?: unknown): CeleriacError {
  const names = queues.map((queue) => `'${queue}'`).join(', ');
  return new CeleriacError('ERR_TOPOLOGY_IN_USE', {
    message: `${names} cannot be moved: ${why}.`,
    hint: 'Stop the workers that consume it, and what publishes to it by name; then `celeriac topology apply` again. Nothing is lost.',
    values: { queues },
    cause,
  });
}

/** The broker, the connection or something else stopped it between two steps. */
export function unfinished(queue: string, cause: unknown): CeleriacError {
  if (isCeleriacError(cause, 'ERR_TOPOLOGY_IN_USE') || isCeleriacError(cause, 'ERR_TOPOLOGY_MISMATCH'))
    return cause;
  return new CeleriacError('ERR_TOPOLOGY_UNFINISHED', {
    message: `Moving '${queue}' was interrupted: ${errorText(cause)}`,
    hint: 'No message is lost: each is in the queue or in its temporary queue. `celeriac topology apply` goes on.',
    values: { queue },
    cause,
  });
}

/** A program that is configured otherwise was quicker. */
export function redeclared(queue: string, cause: unknown): CeleriacError {
  return new CeleriacError('ERR_TOPOLOGY_MISMATCH', {
    message: `Another program declared '${queue}' again with its own arguments: ${errorText(cause)}.`,
    hint: 'Its messages are back in it. Stop that program, or give it this configuration, then `celeriac topology apply` again.',
    values: { queue },
    cause,
  });
}
