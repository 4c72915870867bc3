/** Refusals, with RabbitMQ's reply codes and words, so that clients that read them find what they know. */

const names: Readonly<Record<number, string>> = {
  311: 'CONTENT_TOO_LARGE',
  320: 'CONNECTION_FORCED',
  403: 'ACCESS_REFUSED',
  404: 'NOT_FOUND',
  405: 'RESOURCE_LOCKED',
  406: 'PRECONDITION_FAILED',
  501: 'FRAME_ERROR',
  502: 'SYNTAX_ERROR',
  503: 'COMMAND_INVALID',
  504: 'CHANNEL_ERROR',
  505: 'UNEXPECTED_FRAME',
  506: 'RESOURCE_ERROR',
  530: 'NOT_ALLOWED',
  540: 'NOT_IMPLEMENTED',
  541: 'INTERNAL_ERROR',
};

/** What closes a channel or, where `hard`, the connection. */
export class AmqpError extends Error {
  readonly replyCode: number;
  readonly hard: boolean;

  constructor(replyCode: number, text: string, options: { readonly hard?: boolean } = {}) {
    super(`${names[replyCode] ?? 'ERROR'} - ${text}`);
    this.replyCode = replyCode;
    this.hard = options.hard ?? replyCode >= 500;
  }
}

const mostBytes = 255;

/** As much of a text as a reply has room for, which counts bytes: cut where a character begins. */
export function replyTextOf(text: string): string {
  const bytes = Buffer.from(text);
  let end = Math.min(mostBytes, bytes.length);
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}

export function noQueue(queue: string, vhost: string): AmqpError {
  return new AmqpError(404, `no queue '${queue}' in vhost '${vhost}'`);
}

export function noExchange(exchange: string, vhost: string): AmqpError {
  return new AmqpError(404, `no exchange '${exchange}' in vhost '${vhost}'`);
}

/** For a queue that belongs to another connection. */
export function locked(queue: string, vhost: string): AmqpError {
  return new AmqpError(
    405,
    `cannot obtain exclusive access to locked queue '${queue}' in vhost '${vhost}'. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration.`,
  );
}
