/** Signing in tests: keys, configurations with them, and what became of messages. Decides nothing about results. */
import type { ConfigInput } from '@celeriac/core';

import type { Vhost } from './broker.js';
import { configFor } from './clients.js';

export const secrets = {
  main: 'main-secret-of-32-bytes-or-more-0123456789',
  worker: 'worker-secret-of-32-bytes-or-more-01234567',
  old: 'old-secret-of-32-bytes-or-more-0123456789a',
} as const;

type KeyName = keyof typeof secrets;
export type SigningInput = NonNullable<NonNullable<ConfigInput['tasks']>['signing']>;

/** Signs with one key, and accepts it and the others. */
export function signing(
  own: KeyName,
  accepted: readonly KeyName[] = [],
  more: SigningInput = {},
): SigningInput {
  const keys = Object.fromEntries([own, ...accepted].map((name) => [name, { secret: secrets[name] }]));
  return { sign_with: own, keys, ...more };
}

/** Both sections signed alike. */
export function signedConfig(url: string, input: SigningInput, extra: ConfigInput = {}): ConfigInput {
  return configFor(url, {
    ...extra,
    tasks: { ...extra.tasks, signing: input },
    events: { ...extra.events, signing: input },
  });
}

/** The dead letters of a queue: id, reason and detail. */
export async function letters(vhost: Vhost, queue: string): Promise<readonly (readonly unknown[])[]> {
  const all = await vhost.take(`${queue}.dead-letter`);
  return all.map(({ properties: { messageId, headers = {} } }) => {
    const of = headers as Readonly<Record<string, unknown>>;
    return [messageId as unknown, of['celeriac-reason'], of['celeriac-reason-detail']];
  });
}
