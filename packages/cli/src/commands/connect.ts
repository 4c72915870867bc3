/** The publisher of a command. */
import type { Publisher } from '@celeriac/publisher';

import { configSource, type ConfigOption } from '../settings.js';

export interface ConnectOptions extends ConfigOption {
  readonly timeout?: string;
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
  const publisher = await createPublisher({ config: configSource(options) });
  if (!isReady) return publisher;
  try {
    await publisher.ready({ timeout: options.timeout ?? '30s' });
  } catch (error) {
    await publisher.close();
    throw error;
  }
  return publisher;
}
