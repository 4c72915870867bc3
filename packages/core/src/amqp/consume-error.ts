/** What is told of a queue that is not consumed at the moment. Both go away by themselves. */
import { CeleriacError, errorText } from '../errors.js';
import type { ChannelLoss } from '../ports.js';
import type { ChannelEnd } from './channel-supervisor.js';

/** What the broker said when it closed the channel. */
export function lossBy(error: Error & { readonly code?: number }): ChannelLoss {
  return { code: error.code, text: errorText(error) };
}

export function interrupted(queue: string, { text, code, cause }: ChannelEnd): CeleriacError {
  return new CeleriacError('ERR_CHANNEL_CLOSED', {
    message: `Consuming '${queue}' was interrupted: ${text}.`,
    hint: 'Unsettled deliveries went back to the queue; subscribing again.',
    values: { queue, code },
    cause,
  });
}

export function notYet(queue: string, cause: unknown): CeleriacError {
  return new CeleriacError('ERR_CHANNEL_CLOSED', {
    message: `Cannot consume '${queue}' yet: ${errorText(cause)}.`,
    hint: 'Trying on.',
    values: { queue },
    cause,
  });
}
