/** What a client sends in one session, as frames that a test may spoil before they are sent. Pure. */
import { writeTable } from '@celeriac/core';

import { bodyFrames, frameText, frameType, protocolHeader } from '../../dist/codec/frames.js';
import { encodeMethod } from '../../dist/codec/method-codec.js';
import { type MethodFields, type MethodName, methods } from '../../dist/codec/methods.js';

const zeros = { octet: 0, short: 0, long: 0, longlong: 0, bit: false, shortstr: '', table: {} };

/** Fields that are left out are zero, false or empty. */
export function method<Name extends MethodName>(
  channel: number,
  name: Name,
  fields: Partial<MethodFields<Name>> = {},
): Buffer {
  const definition = methods.find((one) => one.name === name);
  const defaults = (definition?.fields ?? []).map(([field, type]) => [
    field,
    type === 'longstr' ? Buffer.alloc(0) : zeros[type],
  ]);
  const all = { ...(Object.fromEntries(defaults) as object), ...fields } as MethodFields<Name>;
  return Buffer.from(frameText(frameType.method, channel, encodeMethod(name, all)), 'latin1');
}

/** A publish and its content. */
export function message(channel: number, routingKey: string, body: Buffer): Buffer[] {
  const head = Buffer.alloc(14);
  head.writeUInt16BE(60, 0);
  head.writeBigUInt64BE(BigInt(body.length), 4);
  head.writeUInt16BE(0x2000, 12);
  const header = head.toString('latin1') + writeTable({ n: 1, list: ['a', { deep: true }] });
  return [
    method(channel, 'basic.publish', { routingKey, mandatory: true }),
    Buffer.from(frameText(frameType.header, channel, header), 'latin1'),
    Buffer.concat(bodyFrames(channel, body, 4096).map((part) => Buffer.from(part as string, 'latin1'))),
  ];
}

/** From the protocol's name to an open connection; a broker takes them without having answered. */
export const opening: readonly Buffer[] = [
  protocolHeader,
  method(0, 'connection.start-ok', {
    clientProperties: { capabilities: { consumer_cancel_notify: true }, connection_name: 'session' },
    mechanism: 'PLAIN',
    response: Buffer.from('\0guest\0guest'),
    locale: 'en_US',
  }),
  method(0, 'connection.tune-ok', { channelMax: 2047, frameMax: 131_072, heartbeat: 0 }),
  method(0, 'connection.open', { virtualHost: '/' }),
];
