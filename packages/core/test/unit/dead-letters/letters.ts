/** Dead letters of tests: as a worker writes them, as the broker does, as they are read. */
import type { HeaderTable, MessageProperties } from '../../../dist/ports.js';
import { type DeadLetter, readLetter } from '../../../dist/dead-letters/letter.js';

export const deadLetterQueue = 'billing.dead-letter';

/** Without `json`, a body of protocol 2. */
export function letterOf(
  headers: HeaderTable,
  properties: MessageProperties = {},
  body = '[[1],{},{}]',
): DeadLetter {
  const all = { contentType: 'application/json', messageId: 'm1', ...properties, headers };
  return readLetter({ properties: all, body: Buffer.from(body) }, deadLetterQueue);
}

/** What a worker writes beside the task's own headers. */
export const byWorker = {
  'celeriac-reason': 'failed',
  'celeriac-reason-detail': 'retries are used up',
  'celeriac-attempts': 3,
  'celeriac-error-type': 'TypeError',
  'celeriac-error': 'no',
  'celeriac-queue': 'billing',
  'celeriac-exchange': 'x',
  'celeriac-routing-key': 'x.key',
  'celeriac-worker': '7@here',
  'celeriac-time': '2026-11-26T01:00:00.000Z',
  'celeriac-redelivered': true,
  'celeriac-expiration': '60000',
  'celeriac-retries': 2,
  'celeriac-first-time': '2026-11-26T00:00:00.000Z',
  'celeriac-cc': ['elsewhere'],
};

/** What RabbitMQ writes, the youngest death first. */
export function deaths(...list: Record<string, unknown>[]): HeaderTable {
  return { 'x-death': list, 'x-first-death-queue': 'whatever', 'x-delivery-count': 3 };
}

export const died = {
  count: 1,
  queue: 'billing',
  reason: 'delivery_limit',
  exchange: '',
  'routing-keys': ['billing'],
  time: { '!': 'timestamp', value: 1_764_118_800 },
};
