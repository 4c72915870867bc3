/**
 * Fetches the body of a task that is kept elsewhere, within a deadline and a size, and checks that it is the one that was
 * sent. What cannot be fetched becomes an Outcome that is tried again. Never throws, and settles nothing.
 */
import { createHash } from 'node:crypto';

import {
  type ClaimedTask,
  type Clock,
  type Config,
  corruptPayload,
  decodeClaim,
  type Delivery,
  isClaimed,
  payloadNotFetched,
  type PayloadStore,
  type Received,
  type RetryPolicy,
  withBody,
  withDeadline,
} from '@celeriac/core';

import type { Ended } from './work.js';

export interface RedeemParts {
  /** Undefined: this worker has none, another may. */
  readonly store: PayloadStore | undefined;
  readonly config: Pick<Config['tasks'], 'max_payload_size' | 'payload_timeout' | 'time_zone'>;
  readonly clock: Clock;
  /** Fires when nothing new may be started. */
  readonly stopping: AbortSignal;
}

/** The message with its body, or why there is none. */
export type Redeemed = { readonly received: Received } | { readonly ended: Ended };

/** Undefined when the body is in the message. */
export type Redeem = (delivery: Delivery) => Promise<Redeemed> | undefined;

/** Over half an hour in all: a store may be away for a while, and no handler is needed to try again. */
const policy: RetryPolicy = {
  max: 12,
  backoff: 'exponential',
  delayMs: 1_000,
  maxDelayMs: 600_000,
  jitter: true,
  never: [],
  only: undefined,
};

export function redeemer(parts: RedeemParts): Redeem {
  return (delivery) => (isClaimed(delivery.properties) ? redeem(delivery, parts) : undefined);
}

async function redeem(delivery: Delivery, parts: RedeemParts): Promise<Redeemed> {
  const { max_payload_size: maxBytes, time_zone: timeZone } = parts.config;
  const decoded = decodeClaim(delivery, { maxBytes, timeZone });
  if (!decoded.ok) {
    const { reason, error } = decoded;
    const id = delivery.properties.correlationId;
    return { ended: { outcome: { kind: 'malformed', reason, error }, id, name: undefined } };
  }
  const { message: claimed } = decoded;
  const { id, task: name, retries, expires, claim } = claimed;
  const isOver = (): boolean => parts.stopping.aborted || !delivery.live;
  try {
    const bytes = await fetched(claimed, delivery, parts);
    const wrong = mismatch(bytes, claim);
    if (wrong === undefined) return { received: withBody(delivery, bytes) };
    const error = corruptPayload({ id, task: name }, wrong);
    return { ended: { outcome: { kind: 'malformed', reason: 'payload-mismatch', error }, id, name } };
  } catch (cause) {
    if (isOver()) return { ended: { outcome: { kind: 'notStarted' }, id, name } };
    const error = payloadNotFetched({ id, task: name }, cause);
    const tried = { id, name, retries, expires, policy };
    return { ended: { outcome: { kind: 'unfetched', error }, id, name, tried } };
  }
}

async function fetched(
  { claim: { reference, bytes } }: ClaimedTask,
  delivery: Delivery,
  { store, config, clock, stopping }: RedeemParts,
): Promise<Buffer> {
  if (store === undefined) throw new Error('this worker has no payload store');
  const over = new AbortController();
  const end = (): void => over.abort();
  const forget = delivery.onLost(end);
  stopping.addEventListener('abort', end, { once: true });
  if (stopping.aborted) end();
  const aborted = new Promise<never>((_, reject) => {
    over.signal.addEventListener('abort', () => reject(new Error('it was not waited for')));
    if (over.signal.aborted) reject(new Error('it was not waited for'));
  });
  try {
    const { payload_timeout: seconds } = config;
    const late = (): Error => new Error(`it took longer than ${seconds} s`);
    const got = Promise.race([store.get(reference, { maxBytes: bytes, signal: over.signal }), aborted]);
    return asBuffer(await withDeadline(got, { clock, ms: seconds * 1000, late }));
  } finally {
    forget();
    stopping.removeEventListener('abort', end);
    aborted.catch(() => undefined); // nobody waits for it any more
    end();
  }
}

function asBuffer(bytes: unknown): Buffer {
  if (!(bytes instanceof Uint8Array)) throw new Error('the payload store gave something that is not bytes');
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function mismatch(bytes: Buffer, { bytes: length, sha256 }: ClaimedTask['claim']): string | undefined {
  if (bytes.length !== length) return `it has ${bytes.length} bytes, not ${length}`;
  const digest = createHash('sha256').update(bytes).digest('hex');
  return digest === sha256 ? undefined : 'its SHA-256 is another one';
}
