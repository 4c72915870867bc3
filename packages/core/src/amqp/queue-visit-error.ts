/** What can go wrong on a visit to a queue, as errors that say what to do. Pure. */
import { CeleriacError, errorText, isCeleriacError } from '../errors.js';
import { replyCode } from './channel-error.js';

/** The queue is not there, or not for us. */
export function cannotOpen(queue: string, cause: unknown): unknown {
  const { code } = cause as { code?: unknown };
  const values = { queue, replyCode: code };
  if (code === replyCode.notFound) {
    return new CeleriacError('ERR_TOPOLOGY_MISSING', {
      message: `There is no queue '${queue}'.`,
      hint: 'It is declared with its queue. Is that the name, the virtual host, the broker?',
      values,
      cause,
    });
  }
  if (code === replyCode.accessRefused) {
    return new CeleriacError('ERR_ACCESS_REFUSED', {
      message: `The user may not read the queue '${queue}': ${errorText(cause)}.`,
      hint: 'Grant the permission (rabbitmqctl set_permissions).',
      values,
      cause,
    });
  }
  return interrupted(queue, cause);
}

/** The broker, the channel or the connection went. */
export function interrupted(queue: string, cause: unknown): CeleriacError {
  if (isCeleriacError(cause)) return cause;
  const { code } = cause as { code?: unknown };
  return new CeleriacError('ERR_CHANNEL_CLOSED', {
    message: `Reading '${queue}' was interrupted: ${errorText(cause)}.`,
    hint: 'What was in hand is in the queue again. Try again.',
    values: { queue, replyCode: code },
    cause,
  });
}

export function silent(queue: string, timeoutMs: number): CeleriacError {
  return new CeleriacError('ERR_CHANNEL_CLOSED', {
    message: `The broker did not answer within ${timeoutMs / 1000} s, for the queue '${queue}'.`,
    hint: 'Look for a queue without a leader, or an alarm (rabbitmq-diagnostics alarms).',
    values: { queue },
  });
}
