/**
 * Who receives webhooks: a file of subscriptions, each of which becomes an application on the event bus, so that one
 * that is slow or away holds up no other. Connects to nothing.
 */
import { readFile } from 'node:fs/promises';

import {
  type Application,
  type EventMessage,
  eventsMatching,
  type RetryOptions,
  type Worker,
} from '@celeriac/worker';

import { deliver, type DeliveryLimits, type Target } from './deliver.js';

export interface Subscription extends Target {
  /** Part of a queue's name: letters, digits, dots, hyphens. */
  readonly name: string;
  /** By object and action: `deal.*`, `*.deleted`, `#`. */
  readonly events: string;
}

/** Up to six hours apart, 38 hours at most, half of it on average; then it waits in the dead-letter queue. */
export const patience: RetryOptions = { max: 15, delay: '30s', maxDelay: '6h' };

/** Adds an application for each. Throws for a pattern that is none. */
export function addWebhooks(
  worker: Worker,
  subscriptions: readonly Subscription[],
  { retry = patience, ...limits }: DeliveryLimits & { readonly retry?: RetryOptions } = {},
): readonly Application[] {
  return subscriptions.map((subscription) =>
    worker.application(`webhooks.${subscription.name}`).on(
      eventsMatching(subscription.events),
      async (event: EventMessage, { signal, logger }) => {
        await deliver(event, subscription, { ...limits, signal });
        logger.info('delivered', { subscription: subscription.name, event: event.id });
      },
      { retry },
    ),
  );
}

/** From a JSON file: `[{ "name", "url", "events", "secrets": ["$NAME_OF_A_VARIABLE"] }]`. Throws for any other. */
export async function readSubscriptions(
  file: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<readonly Subscription[]> {
  const all: unknown = JSON.parse(await readFile(file, 'utf8'));
  if (!Array.isArray(all)) throw new Error(`${file} holds no list of subscriptions.`);
  return all.map((one: unknown, index) => {
    const { name, url, events, secrets } = Object(one) as Partial<Subscription>;
    const isGood = [name, url, events].every((text) => typeof text === 'string') && Array.isArray(secrets);
    if (!isGood) throw new Error(`Subscription ${index + 1} of ${file} needs name, url, events and secrets.`);
    return { ...(one as Subscription), secrets: (secrets as string[]).map((secret) => fromEnv(secret, env)) };
  });
}

/** Secrets stay out of files. */
function fromEnv(text: string, env: Readonly<Record<string, string | undefined>>): string {
  const value = text.startsWith('$') ? env[text.slice(1)] : undefined;
  if (value === undefined || value === '')
    throw new Error(
      `A secret of webhooks is the name of an environment variable that is set, as in $WEBHOOK_SECRET.`,
    );
  return value;
}
