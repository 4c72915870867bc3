/** The publisher of a command. */
import type { Publisher } from '@celeriac/publisher';

import { configSource, type ConfigOption } from '../settings.js';
import { watchWaiting } from '../waiting.js';

export interface ConnectOptions extends ConfigOption {
  readonly timeout?: string;
  /** A program reads what is said. */
  readonly json?: boolean;
}

/**
 * A publisher whose connection is up: a refused password is told as such, not as a message that timed out. `isReady:
 * false` does not wait for the broker.
 */
export async function connect(
  options: ConnectOptions,
  { isReady = true }: { readonly isReady?: boolean } = {},
): Promise<Publisher> {
  const { createPublisher } = await import('@celeriac/publisher');
  const waiting = watchWaiting({ isQuiet: options.json, isConnecting: isReady });
  const publisher = await createPublisher({ config: configSource(options), logger: waiting.logger });
  if (!isReady) return publisher;
  try {
    await publisher.ready({ timeout: options.timeout ?? '30s' });
  } catch (error) {
    waiting.end();
    await publisher.close();
    throw error;
  }
  return publisher;
}
