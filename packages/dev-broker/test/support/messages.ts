/** Messages as a client would send them, for tests of what is below the server. */
import { shortString, writeTable } from '@celeriac/core';

import type { Entry, Message } from '../../dist/engine/message.js';
import { propertiesOf } from '../../dist/engine/properties.js';

export interface Sent {
  readonly body?: string;
  readonly exchange?: string;
  readonly routingKey?: string;
  readonly persistent?: boolean;
  readonly priority?: number | undefined;
  readonly expiration?: string | undefined;
  readonly headers?: Readonly<Record<string, unknown>>;
}

/** Basic properties, as they stand in a content header. */
export function rawProperties({ persistent = true, priority, expiration, headers = {} }: Sent): Buffer {
  const parts: (readonly [flag: number, text: string | undefined])[] = [
    [0x2000, writeTable(headers)],
    [0x1000, persistent ? '\x02' : '\x01'],
    [0x0800, priority === undefined ? undefined : String.fromCharCode(priority)],
    [0x0100, expiration === undefined ? undefined : shortString(expiration, 'expiration')],
  ];
  const present = parts.filter(([, text]) => text !== undefined);
  const flags = Buffer.alloc(2);
  flags.writeUInt16BE(present.reduce((sum, [flag]) => sum | flag, 0));
  return Buffer.concat([flags, Buffer.from(present.map(([, text]) => text).join(''), 'latin1')]);
}

export function message(sent: Sent = {}): Message {
  const { exchange = '', routingKey = 'q', body = '' } = sent;
  return { exchange, routingKey, properties: propertiesOf(rawProperties(sent)), body: Buffer.from(body) };
}

export function entry(position: number, sent: Sent = {}): Entry {
  return {
    message: message(sent),
    position,
    expiresAt: undefined,
    redelivered: false,
    deliveryCount: 0,
  };
}
