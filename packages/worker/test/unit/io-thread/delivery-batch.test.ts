/** Deliveries packed for the other thread arrive as they were. */
import { readProperties, type ReceivedProperties, writeProperties } from '@celeriac/core';
import { expect } from 'chai';

import { packDeliveries, unpackDeliveries } from '../../../dist/io-thread/delivery-batch.js';
import { FakeDelivery } from '../../support/fakes.js';

function delivered(properties: Buffer, fields: { body: Buffer; redelivered?: boolean; routingKey?: string }) {
  const received: ReceivedProperties = readProperties(properties, 0);
  received.wire = properties;
  return Object.assign(new FakeDelivery(), { properties: received, redelivered: false, ...fields });
}

function propertyBytes(headers: Record<string, unknown>): Buffer {
  return Buffer.from(writeProperties({ messageId: 'm', contentType: 'application/json', headers }), 'latin1');
}

function cross(...all: FakeDelivery[]) {
  const numbered = all.map((delivery, index) => ({ number: index + 5, delivery }));
  const batch = packDeliveries(numbered, { consumer: 1, channel: 2 });
  return [...unpackDeliveries(structuredClone(batch, { transfer: [batch.bytes] }))];
}

describe('a batch of deliveries', () => {
  it('arrives whole, in order, and without its neighbours', () => {
    const block = Buffer.from('xxfirstxxsecond');
    const first = delivered(propertyBytes({ n: 1, big: 2 ** 40 }), { body: block.subarray(2, 7) });
    const empty = delivered(propertyBytes({}), { body: Buffer.alloc(0), routingKey: 'a.b' });
    const last = delivered(propertyBytes({ n: 3 }), { body: block.subarray(9), redelivered: true });

    const crossed = cross(first, empty, last);

    expect(
      crossed.map(({ number, body, redelivered, routingKey }) => [
        number,
        String(body),
        redelivered,
        routingKey,
      ]),
    ).to.deep.equal([
      [5, 'first', false, 'celery'],
      [6, '', false, 'a.b'],
      [7, 'second', true, 'celery'],
    ]);
    expect(crossed[0]?.properties).to.deep.equal(first.properties);
    expect(crossed[2]?.properties.headers).to.deep.include({ n: 3 });
  });

  it('keeps headers that cannot be read, with the reason', () => {
    const bytes = propertyBytes({ n: 1 });
    bytes[bytes.indexOf('I') === -1 ? bytes.length - 1 : bytes.indexOf('I')] = 0x01; // no such type
    const broken = delivered(bytes, { body: Buffer.from('x') });
    expect(broken.properties.headerError, 'the premise').to.be.a('string');

    const [crossed] = cross(broken);

    expect(crossed?.properties.headerError).to.equal(broken.properties.headerError);
    expect(crossed?.properties.rawHeaders).to.deep.equal(broken.properties.rawHeaders);
  });
});
