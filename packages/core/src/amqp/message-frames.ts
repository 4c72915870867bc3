/**
 * A published message as AMQP frames: `basic.publish`, content header and body, ready for the socket. amqplib's own
 * encoding takes more time than everything else a publish does (ADR 0003). Pure.
 *
 * Source: AMQP 0-9-1 §2.3.5 (frames), §4.2.6 (content), class basic.
 */
import type { MessageProperties, OutgoingMessage } from '../ports.js';
import { long, longlong, notWritable, octet, short, shortString, writeTable } from './table-writer.js';

const frameEnd = '\xce';
/** Type, channel and size before the payload, the end octet after it. */
const frameOverhead = 8;
const methodFrame = '\x01';
const headerFrame = '\x02';
const bodyFrame = '\x03';
const basicPublish = short(60) + short(40);
const persistent = 2;

/** Flags and values of the properties (§4.2.6.1); the persistent delivery mode always. Throws ERR_NOT_SERIALIZABLE. */
export function writeProperties(properties: MessageProperties): string {
  const { contentType, contentEncoding, headers, priority, correlationId, replyTo } = properties;
  const { expiration, messageId, timestamp, type, appId } = properties;
  let flags = 0x1000;
  let values = '';
  const text = (flag: number, value: string | undefined, name: string): void => {
    if (value === undefined) return;
    flags |= flag;
    values += shortString(value, name);
  };
  text(0x8000, contentType, 'contentType');
  text(0x4000, contentEncoding, 'contentEncoding');
  if (headers !== undefined) {
    flags |= 0x2000;
    values += writeTable(headers);
  }
  values += octet(persistent);
  if (priority !== undefined) {
    flags |= 0x0800;
    values += octet(priority);
  }
  text(0x0400, correlationId, 'correlationId');
  text(0x0200, replyTo, 'replyTo');
  text(0x0100, expiration, 'expiration');
  text(0x0080, messageId, 'messageId');
  if (timestamp !== undefined) {
    flags |= 0x0040;
    values += longlong(timestamp);
  }
  text(0x0020, type, 'type');
  text(0x0008, appId, 'appId');
  return short(flags) + values;
}

export interface Wire {
  /** The channel's number. */
  readonly channel: number;
  /** The negotiated largest frame, bytes. */
  readonly frameMax: number;
}

/** All frames of one message. `properties` comes from `writeProperties`. Throws when the header exceeds a frame. */
export function messageFrames(
  message: OutgoingMessage,
  properties: string,
  { channel, frameMax }: Wire,
): Buffer {
  const { body, exchange, routingKey, mandatory = true } = message;
  const publish =
    basicPublish +
    short(0) +
    shortString(exchange, 'exchange') +
    shortString(routingKey, 'routingKey') +
    octet(mandatory ? 1 : 0);
  const header = short(60) + short(0) + longlong(body.length) + properties;
  if (header.length + frameOverhead > frameMax) {
    throw notWritable(
      'headers',
      `${header.length} bytes in all, where a frame holds ${frameMax - frameOverhead}`,
    );
  }
  const head = frame(methodFrame, channel, publish) + frame(headerFrame, channel, header);
  return withBody(head, body, { channel, frameMax });
}

function frame(type: string, channel: number, payload: string): string {
  return type + short(channel) + long(payload.length) + payload + frameEnd;
}

function withBody(head: string, body: Buffer, { channel, frameMax }: Wire): Buffer {
  const largest = frameMax - frameOverhead;
  const count = Math.ceil(body.length / largest);
  const all = Buffer.allocUnsafe(head.length + body.length + count * frameOverhead);
  let at = all.write(head, 0, 'latin1');
  for (let from = 0; from < body.length; from += largest) {
    const size = Math.min(largest, body.length - from);
    at += all.write(bodyFrame + short(channel) + long(size), at, 'latin1');
    at += body.copy(all, at, from, from + size);
    at += all.write(frameEnd, at, 'latin1');
  }
  return all;
}
