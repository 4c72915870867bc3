/**
 * Signatures of webhooks: HMAC SHA-256 over id, time and body, so that a receiver knows who sent it and that it is not
 * an old one sent again. For both sides. Pure.
 *
 * Source: Standard Webhooks 1.0.0 (https://www.standardwebhooks.com).
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

export interface SignedHeaders {
  readonly 'webhook-id': string;
  /** Seconds since the epoch. */
  readonly 'webhook-timestamp': string;
  /** One signature for each secret, divided by blanks. */
  readonly 'webhook-signature': string;
}

export interface ToSign {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly body: Buffer;
}

/** With every secret (`whsec_` and Base64), so that a receiver can change to the next. Throws for one that is none. */
export function sign({ id, time, body }: ToSign, secrets: readonly string[]): SignedHeaders {
  const timestamp = String(Math.floor(time / 1000));
  const signatures = secrets.map((secret) => `v1,${signature({ id, timestamp, body }, secret)}`);
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures.join(' '),
  };
}

export interface ToVerify {
  readonly headers: Readonly<Record<string, unknown>>;
  /** As it came: parsed and written again it may differ. */
  readonly body: Buffer;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Seconds. Default 300. */
  readonly tolerance?: number;
}

/** For the receiver: true when it was signed with the secret, and lately. */
export function isSigned({ headers, body, now, tolerance = 300 }: ToVerify, secret: string): boolean {
  const [id, timestamp, given] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map(
    (name) => headers[name],
  );
  if (typeof id !== 'string' || typeof timestamp !== 'string' || typeof given !== 'string') return false;
  if (!/^\d{1,12}$/u.test(timestamp) || Math.abs(now / 1000 - Number(timestamp)) > tolerance) return false;
  const wanted = Buffer.from(`v1,${signature({ id, timestamp, body }, secret)}`);
  return given.split(' ').some((one) => {
    const signed = Buffer.from(one);
    return signed.length === wanted.length && timingSafeEqual(signed, wanted);
  });
}

function signature(
  { id, timestamp, body }: { readonly id: string; readonly timestamp: string; readonly body: Buffer },
  secret: string,
): string {
  const key = Buffer.from(secret.replace(/^whsec_/u, ''), 'base64');
  if (key.length < 24) throw new Error('A secret of webhooks is whsec_ and at least 24 bytes in Base64.');
  return createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64');
}
