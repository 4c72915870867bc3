/** One dead letter for people and as JSON: cut to a sensible length, and without secrets. Pure. */
import { type DeadLetter, parseJson, redact, redactValue } from '@celeriac/core';

import { ago, printable } from '../text.js';

/** Characters of a body that are shown. */
const bodyLength = 2_000;

export function letterJson(letter: DeadLetter): Record<string, unknown> {
  const { id, kind, name, reason, detail, by, errorType, error, attempts, worker, time, queue } = letter;
  const { exchange, routingKey, headersDropped, headerError, properties } = letter;
  const { contentType, priority } = properties;
  return {
    id,
    kind,
    name,
    reason,
    detail,
    by,
    errorType,
    error: error === undefined ? undefined : redact(error),
    attempts,
    time: time === undefined ? undefined : new Date(time).toISOString(),
    worker,
    queue,
    exchange,
    routingKey,
    contentType,
    priority,
    ...(headersDropped ? { headersDropped } : {}),
    ...(headerError === undefined ? {} : { headerError }),
    bytes: letter.body.length,
    ...bodyOf(letter),
  };
}

export function letterText(letter: DeadLetter, now: number): string {
  const { name, kind, reason, detail, by, errorType, error, attempts, worker, time } = letter;
  const { body, isCut } = bodyOf(letter);
  const why = [reason, ...(detail === undefined ? [] : [`(${detail})`])].join(' ');
  const lines: readonly (readonly [string, string | undefined])[] = [
    [kind === 'other' ? 'message' : kind, name ?? 'without a name'],
    ['reason', `${why}${by === 'broker' ? ', said the broker' : ''}`],
    ['error', error === undefined ? undefined : `${errorType ?? 'error'}: ${redact(error)}`],
    ['attempts', attempts?.toString()],
    ['died', time === undefined ? undefined : `${ago(now - time)} ago, ${new Date(time).toISOString()}`],
    ['worker', worker],
    ['queue', letter.queue],
    ['came by', cameBy(letter)],
    ['headers', headersOf(letter)],
    ['body', `${typeof body === 'string' ? body : JSON.stringify(body)}${isCut ? '…' : ''}`],
  ];
  const shown = lines.filter((line): line is readonly [string, string] => line[1] !== undefined);
  const rows = shown.map(([label, value]) => `  ${label.padEnd(8)}  ${printable(value)}`);
  return [printable(letter.id ?? 'without an id'), ...rows].join('\n');
}

function headersOf({ headersDropped, headerError }: DeadLetter): string | undefined {
  if (headerError !== undefined) return `cannot be read: ${headerError}`;
  return headersDropped ? 'were dropped: they could not be written' : undefined;
}

function cameBy({ exchange, routingKey, queue }: DeadLetter): string | undefined {
  if (routingKey === undefined || (exchange === '' && routingKey === queue)) return undefined;
  return exchange === '' || exchange === undefined ? routingKey : `${exchange}, ${routingKey}`;
}

interface ShownBody {
  /** JSON with its secrets masked while it is short; else text. */
  readonly body: unknown;
  readonly isCut?: true;
}

function bodyOf({ body, properties }: DeadLetter): ShownBody {
  const { contentType = '' } = properties;
  if (/json/iu.test(contentType)) {
    try {
      const document = redactValue(parseJson(body), 32);
      const text = JSON.stringify(document);
      return text.length <= bodyLength
        ? { body: document }
        : { body: text.slice(0, bodyLength), isCut: true };
    } catch {
      // It says it is JSON and is not: shown as any other text.
    }
  }
  const text = redact(body.toString('utf8', 0, bodyLength * 4));
  if (text.includes('\uFFFD')) return { body: `${body.length} bytes that are no text` };
  return text.length <= bodyLength ? { body: text } : { body: text.slice(0, bodyLength), isCut: true };
}
