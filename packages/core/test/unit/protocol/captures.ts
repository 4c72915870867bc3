/** Captured messages of Celery (test/fixtures/celery) as the decoder receives them. Judges nothing. */
import { readFileSync } from 'node:fs';

import type { MessageProperties } from '../../../dist/ports.js';
import type { Received } from '../../../dist/protocol/received.js';

export interface CapturedProperties {
  readonly headers?: Record<string, unknown> | null;
  readonly content_type?: string;
  readonly content_encoding?: string;
  readonly priority?: number;
  readonly reply_to?: string;
  readonly correlation_id?: string;
  readonly expiration?: string;
}

export interface Captured {
  readonly properties: CapturedProperties;
  /** The document, `{ $raw }` for bytes that are no JSON (one character a byte), or text that is no document. */
  readonly body: unknown;
}

/** A captured event, or several that travelled together. */
export interface CapturedEvents extends Captured {
  readonly exchange: string;
  readonly routing_key: string;
  readonly properties: CapturedProperties & { readonly delivery_mode: number };
  readonly body: CapturedEvent | readonly CapturedEvent[];
}

export type CapturedEvent = Readonly<Record<string, unknown>> & {
  readonly type: string;
  readonly hostname: string;
  readonly pid: number;
  readonly clock: number;
  readonly timestamp: number;
  readonly utcoffset: number;
};

export interface MalformedCase {
  readonly case: string;
  readonly headers: Record<string, unknown> | null;
  readonly properties: CapturedProperties;
  readonly body: unknown;
}

function fixture(name: string): unknown {
  const url = new URL(`../../../test/fixtures/celery/${name}`, import.meta.url);
  return JSON.parse(readFileSync(url, 'utf8'));
}

/** Every message of a Celery version, with the name of its scenario. */
export function capturedTasks(version: '5.2.6' | '5.6.3'): readonly (readonly [string, Captured])[] {
  const { scenarios } = fixture(`tasks-${version}.json`) as { scenarios: Record<string, Captured[]> };
  return Object.entries(scenarios).flatMap(([name, messages]) =>
    messages.map((message) => [name, message] as const),
  );
}

/** Everything that a Celery version told its monitors, in order. */
export function capturedEvents(version: '5.2.6' | '5.6.3'): readonly CapturedEvents[] {
  return [`events-${version}.json`, `revoke-events-${version}.json`].flatMap((name) => {
    const { scenarios } = fixture(name) as { scenarios: Record<string, CapturedEvents[]> };
    return Object.values(scenarios).flat();
  });
}

export function malformedCases(): readonly MalformedCase[] {
  return (fixture('malformed-messages.json') as { cases: MalformedCase[] }).cases;
}

export function bodyBytes(body: unknown): Buffer {
  if (typeof body === 'string') return Buffer.from(body);
  const { $raw: raw } = body as { $raw?: string };
  return typeof raw === 'string' ? Buffer.from(raw, 'latin1') : Buffer.from(JSON.stringify(body));
}

/** Captured properties in our names, those that are there. */
export function propertiesOf(captured: CapturedProperties): MessageProperties {
  const named = {
    contentType: captured.content_type,
    contentEncoding: captured.content_encoding,
    headers: captured.headers ?? undefined,
    priority: captured.priority,
    replyTo: captured.reply_to,
    correlationId: captured.correlation_id,
    expiration: captured.expiration,
  };
  return Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined));
}

export function received(captured: Captured): Received {
  return { properties: propertiesOf(captured.properties), body: bodyBytes(captured.body) };
}
