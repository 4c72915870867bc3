/** Under which key a piece of work succeeds once, as its send, its registration or its contract says. Asks nobody. */
import {
  applicationQueueName,
  type Config,
  type IdempotencyOptions,
  keyOfInput,
  type KeyOf,
  type Logger,
  parseDuration,
  scopedKey,
  sentIdempotency,
} from '@celeriac/core';

import type { Application } from '../event-handler/application.js';
import { idempotencyOf, type TaskHandlers } from '../handlers.js';
import type { Work } from '../work.js';
import type { IdempotencyParts, OnceKey } from './idempotency.js';

type KeyOfWork = IdempotencyParts['keyOf'];
type Options = IdempotencyOptions<KeyOf<never>>;

const dayMs = 86_400_000;

/** By task and key; the default key is the message's id. */
export function taskKeys(tasks: TaskHandlers, logger: Logger): KeyOfWork {
  return (work, { properties }) => {
    const sent = sentIdempotency(properties.headers);
    const task = tasks.get(work.name);
    const options = task === undefined ? undefined : idempotencyOf(task);
    if (sent === undefined && options === undefined) return undefined;
    const key = sent?.key ?? keyOf(work, options, { logger, fallback: work.id });
    return { key: scopedKey(`task:${work.name}`, key), windowMs: sent?.windowMs ?? windowOf(options) };
  };
}

/** By application and key; the default key is the event's source and id, which CloudEvents makes unique together. */
export function eventKeys(applications: readonly Application[], config: Config, logger: Logger): KeyOfWork {
  const byQueue = new Map(applications.map((one) => [applicationQueueName(config, one.name), one]));
  return (work, { queue }): OnceKey | undefined => {
    const application = byQueue.get(queue);
    const { idempotency } = application?.options ?? {};
    if (application === undefined || idempotency === undefined) return undefined;
    const { source } = work.input as { readonly source?: unknown };
    const fallback = `${typeof source === 'string' ? source : ''} ${work.id}`;
    const key = keyOf(work, idempotency, { logger, fallback });
    return { key: scopedKey(`application:${application.name}`, key), windowMs: windowOf(idempotency) };
  };
}

interface Fallback {
  readonly logger: Logger;
  readonly fallback: string;
}

function keyOf(
  { input, name, id }: Work,
  options: Options | undefined,
  { logger, fallback }: Fallback,
): string {
  if (options?.key === undefined) return fallback;
  try {
    return keyOfInput(options.key, input);
  } catch (error) {
    // Its id still keeps a redelivery of this very message from running again.
    logger.error('no key can be made of its input: its id is its key', { name, id, error });
    return fallback;
  }
}

function windowOf({ window }: Options = {}): number {
  return window === undefined ? dayMs : parseDuration(window) * 1000;
}
