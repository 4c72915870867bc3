/** How often a message was delivered, on queues that count and on those that do not. */
import { expect } from 'chai';

import { deliveryCount } from '../../../dist/policy/redelivery.js';

const cases: readonly [string, boolean, Record<string, unknown>, number, boolean][] = [
  ['a first delivery', false, {}, 0, true],
  ['a quorum queue that counts', true, { 'x-delivery-count': 3 }, 3, true],
  ['a classic queue that only says so', true, {}, 1, false],
  ['our own count', false, { 'celeriac-deliveries': 2 }, 2, true],
  ['our own count, redelivered since', true, { 'celeriac-deliveries': 2 }, 3, false],
  ["our own count and the queue's since", true, { 'celeriac-deliveries': 2, 'x-delivery-count': 4 }, 6, true],
  ['counts that are none', false, { 'celeriac-deliveries': 'many', 'x-delivery-count': -1 }, 0, true],
  ['a count beyond what numbers hold', false, { 'celeriac-deliveries': Number.MAX_VALUE }, 0, true],
];

describe('deliveryCount', () => {
  for (const [title, redelivered, headers, before, kept] of cases) {
    it(`reads ${title}`, () => {
      expect(deliveryCount({ redelivered, properties: { headers } })).to.deep.equal({ before, kept });
    });
  }
});
