/**
 * What a journal says, as values and as bytes. A queue is declared with a number, by which its messages name it. Pure:
 * knows no file.
 */
import type { ExchangeOptions, ExchangeType } from '../engine/exchange.js';
import type { BindingRecord, DurableQueue } from '../engine/journal.js';
import type { Entry } from '../engine/message.js';
import { propertiesOf } from '../engine/properties.js';
import type { Place } from '../engine/ready-list.js';
import { FieldReader } from './field-reader.js';
import type { RecordWriter } from './record-writer.js';

export type JournalRecord =
  | { readonly kind: 'exchange declared'; readonly vhost: string; readonly exchange: ExchangeOptions }
  | { readonly kind: 'exchange deleted'; readonly vhost: string; readonly name: string }
  | {
      readonly kind: 'queue declared';
      readonly vhost: string;
      readonly id: number;
      readonly queue: DurableQueue;
    }
  | { readonly kind: 'queue deleted'; readonly id: number }
  | { readonly kind: 'bound' | 'unbound'; readonly vhost: string; readonly binding: BindingRecord }
  | { readonly kind: 'added'; readonly id: number; readonly entry: Entry }
  | { readonly kind: 'delivered' | 'removed'; readonly id: number; readonly position: number }
  | Returned
  /** What comes before it is the state with which the file began. */
  | { readonly kind: 'complete' };

export interface Returned {
  readonly kind: 'returned';
  readonly id: number;
  readonly position: number;
  readonly place: Place;
  readonly deliveryCount: number;
  readonly acquiredCount: number | undefined;
}

/** The index is the number in the file: add at the end, and never reorder. */
const kinds = [
  'complete',
  'exchange declared',
  'exchange deleted',
  'queue declared',
  'queue deleted',
  'bound',
  'unbound',
  'added',
  'delivered',
  'returned',
  'removed',
] as const;
const exchangeTypes: readonly ExchangeType[] = ['direct', 'fanout', 'topic', 'headers'];
const places: readonly Place[] = ['its own', 'last', 'first'];

const numberOf = new Map<JournalRecord['kind'], number>(kinds.map((kind, number) => [kind, number]));

/** Gives the size in bytes. Throws ERR_NOT_SERIALIZABLE for arguments AMQP has no type for. */
export function writeRecord(out: RecordWriter, record: JournalRecord): number {
  out.begin(numberOf.get(record.kind) as number);
  try {
    writeFields(out, record);
  } catch (error) {
    out.abandon();
    throw error;
  }
  return out.finish();
}

function writeFields(out: RecordWriter, record: JournalRecord): void {
  switch (record.kind) {
    case 'complete':
      return;
    case 'exchange declared':
      return writeExchange(out, record.vhost, record.exchange);
    case 'exchange deleted':
      out.text(record.vhost);
      return out.text(record.name);
    case 'queue declared':
      out.text(record.vhost);
      out.whole(record.id);
      out.text(record.queue.name);
      out.octet(Number(record.queue.autoDelete));
      return out.table(record.queue.arguments);
    case 'queue deleted':
      return out.whole(record.id);
    case 'bound':
    case 'unbound':
      return writeBinding(out, record.vhost, record.binding);
    case 'added':
      out.whole(record.id);
      return writeEntry(out, record.entry);
    case 'delivered':
    case 'removed':
      out.whole(record.id);
      return out.number(record.position);
    case 'returned':
      out.whole(record.id);
      out.number(record.position);
      out.octet(places.indexOf(record.place));
      out.whole(record.deliveryCount);
      return out.number(record.acquiredCount);
  }
}

function writeExchange(out: RecordWriter, vhost: string, exchange: ExchangeOptions): void {
  out.text(vhost);
  out.text(exchange.name);
  out.octet(exchangeTypes.indexOf(exchange.type));
  out.octet(Number(exchange.autoDelete) | (Number(exchange.internal) << 1));
  out.table(exchange.arguments);
}

function writeBinding(out: RecordWriter, vhost: string, binding: BindingRecord): void {
  out.text(vhost);
  out.text(binding.source);
  out.octet(Number(binding.destination.kind === 'exchange'));
  out.text(binding.destination.name);
  out.text(binding.routingKey);
  out.table(binding.arguments);
}

function writeEntry(out: RecordWriter, entry: Entry): void {
  const { message, position, expiresAt, redelivered, deliveryCount, acquiredCount } = entry;
  out.number(position);
  out.number(expiresAt);
  out.octet(Number(redelivered) | (Number(message.hasDied === true) << 1));
  out.whole(deliveryCount);
  out.number(acquiredCount);
  out.text(message.exchange);
  out.text(message.routingKey);
  out.whole(message.copies?.length ?? 0);
  for (const key of message.copies ?? []) out.text(key);
  out.data(message.properties.raw);
  out.data(message.body);
}

/** Throws an Error that says why it cannot be read. */
export function readRecord(payload: Buffer): JournalRecord {
  const from = new FieldReader(payload);
  const number = from.octet();
  const kind = kinds[number];
  if (kind === undefined) throw new RangeError(`there is no record of kind ${number}`);
  const record = readFields(from, kind);
  from.finish();
  return record;
}

function readFields(from: FieldReader, kind: JournalRecord['kind']): JournalRecord {
  switch (kind) {
    case 'complete':
      return { kind };
    case 'exchange declared':
      return { kind, vhost: from.text(), exchange: readExchange(from) };
    case 'exchange deleted':
      return { kind, vhost: from.text(), name: from.text() };
    case 'queue declared':
      return { kind, vhost: from.text(), id: from.whole(), queue: readQueue(from) };
    case 'queue deleted':
      return { kind, id: from.whole() };
    case 'bound':
    case 'unbound':
      return { kind, vhost: from.text(), binding: readBinding(from) };
    case 'added':
      return { kind, id: from.whole(), entry: readEntry(from) };
    case 'delivered':
    case 'removed':
      return { kind, id: from.whole(), position: readPosition(from) };
    case 'returned':
      return {
        kind,
        id: from.whole(),
        position: readPosition(from),
        place: oneOf(places, from.octet()),
        deliveryCount: from.whole(),
        acquiredCount: from.number(),
      };
  }
}

function readExchange(from: FieldReader): ExchangeOptions {
  const name = from.text();
  const type = oneOf(exchangeTypes, from.octet());
  const flags = from.octet();
  const [autoDelete, internal] = [(flags & 1) !== 0, (flags & 2) !== 0];
  return { name, type, durable: true, autoDelete, internal, arguments: from.table() };
}

function readQueue(from: FieldReader): DurableQueue {
  return { name: from.text(), autoDelete: from.octet() !== 0, arguments: from.table() };
}

function readBinding(from: FieldReader): BindingRecord {
  return {
    source: from.text(),
    destination: { kind: from.octet() === 0 ? 'queue' : 'exchange', name: from.text() },
    routingKey: from.text(),
    arguments: from.table(),
  };
}

function readEntry(from: FieldReader): Entry {
  const position = readPosition(from);
  const expiresAt = from.number();
  const flags = from.octet();
  const deliveryCount = from.whole();
  const acquiredCount = from.number();
  const [exchange, routingKey] = [from.text(), from.text()];
  const copies = Array.from({ length: from.whole() }, () => from.text());
  const message = {
    exchange,
    routingKey,
    properties: propertiesOf(from.data()),
    body: from.data(),
    ...(copies.length === 0 ? {} : { copies }),
    ...((flags & 2) === 0 ? {} : { hasDied: true }),
  };
  return {
    message,
    position,
    expiresAt,
    redelivered: (flags & 1) !== 0,
    deliveryCount,
    ...(acquiredCount === undefined ? {} : { acquiredCount }),
  };
}

function readPosition(from: FieldReader): number {
  const position = from.number();
  if (position === undefined) throw new RangeError('a message without a position');
  return position;
}

function oneOf<T>(values: readonly T[], index: number): T {
  const value = values[index];
  if (value === undefined) throw new RangeError(`${index} where ${values.length} values are known`);
  return value;
}
