/**
 * Headers of ours that say under which keys a task was sent. Celery's workers pay no heed to them. Durations are
 * milliseconds as text: py-amqp and amqplib disagree about large numbers. Pure; what cannot be read is not there.
 */
import type { HeaderTable, MessageProperties } from '../ports.js';
import { formatIsoTime } from './iso-time.js';

const names = {
  idempotencyKey: 'celeriac-idempotency-key',
  idempotencyWindow: 'celeriac-idempotency-window',
  /** One sending of an id: it may be sent again, and put back from the dead-letter queue. */
  chain: 'celeriac-chain',
  key: 'celeriac-unique',
  rule: 'celeriac-unique-while',
  ttl: 'celeriac-unique-ttl',
  number: 'celeriac-unique-number',
  wait: 'celeriac-debounce-wait',
  maxWait: 'celeriac-debounce-max-wait',
} as const;

export type UniqueRule = 'queued' | 'running' | 'queued-or-running' | 'ttl';

/** What sending has to see to first. */
export type SendPlan =
  /** Only one at a time. */
  | { readonly kind: 'hold'; readonly key: string; readonly rule: UniqueRule; readonly ttlMs: number }
  /** Only the latest. */
  | {
      readonly kind: 'latest';
      readonly key: string;
      readonly ttlMs: number;
      /** It waits so long for a later one. */
      readonly waitMs?: number | undefined;
      readonly maxWaitMs?: number | undefined;
    };

export function planHeaders(plan: SendPlan): HeaderTable {
  const common = { [names.key]: plan.key, [names.ttl]: String(plan.ttlMs) };
  if (plan.kind === 'hold') return { ...common, [names.rule]: plan.rule };
  const { waitMs, maxWaitMs } = plan;
  return {
    ...common,
    [names.rule]: 'latest',
    ...(waitMs === undefined ? {} : { [names.wait]: String(waitMs) }),
    ...(maxWaitMs === undefined ? {} : { [names.maxWait]: String(maxWaitMs) }),
  };
}

export function readPlan(headers: HeaderTable = {}): SendPlan | undefined {
  const key = headers[names.key];
  if (typeof key !== 'string') return undefined;
  const ttlMs = milliseconds(headers[names.ttl]);
  const rule = headers[names.rule];
  if (ttlMs === undefined || typeof rule !== 'string') return undefined;
  if (rule === 'latest') {
    const waitMs = milliseconds(headers[names.wait]);
    return { kind: 'latest', key, ttlMs, waitMs, maxWaitMs: milliseconds(headers[names.maxWait]) };
  }
  return isRule(rule) ? { kind: 'hold', key, rule, ttlMs } : undefined;
}

function isRule(text: string): text is UniqueRule {
  return text === 'queued' || text === 'running' || text === 'queued-or-running' || text === 'ttl';
}

/** Its place in the order of sends under its key; undefined where it got none. */
export function orderNumber(headers: HeaderTable = {}): number | undefined {
  return milliseconds(headers[names.number]);
}

/** The properties with a place in the order, and a time before which it is not to be started. */
export function inOrder<Properties extends MessageProperties>(
  properties: Properties,
  { number, eta }: { readonly number: number | undefined; readonly eta: number | undefined },
): Properties {
  const place = number === undefined ? {} : { [names.number]: String(number) };
  const due = eta === undefined ? {} : { eta: formatIsoTime(eta) };
  return { ...properties, headers: { ...properties.headers, ...place, ...due } };
}

/** The key and the window that a single send gave itself. */
export interface SentIdempotency {
  readonly key: string | undefined;
  readonly windowMs: number | undefined;
}

export function idempotencyHeaders({ key, windowMs }: SentIdempotency): HeaderTable {
  return {
    ...(key === undefined ? {} : { [names.idempotencyKey]: key }),
    ...(windowMs === undefined ? {} : { [names.idempotencyWindow]: String(windowMs) }),
  };
}

/** Undefined where the send said nothing. */
export function sentIdempotency(headers: HeaderTable = {}): SentIdempotency | undefined {
  const key = headers[names.idempotencyKey];
  const windowMs = milliseconds(headers[names.idempotencyWindow]);
  if (typeof key !== 'string' && windowMs === undefined) return undefined;
  return { key: typeof key === 'string' ? key : undefined, windowMs };
}

export function chainHeader(chain: string): HeaderTable {
  return { [names.chain]: chain };
}

/** Which sending of its id a message belongs to; empty for the first, and for one of Celery's. */
export function chainOf(headers: HeaderTable = {}): string {
  const chain = headers[names.chain];
  return typeof chain === 'string' ? chain.slice(0, 100) : '';
}

function milliseconds(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^[0-9]{1,15}$/u.test(value) ? Number(value) : 0;
  return number > 0 ? number : undefined;
}
