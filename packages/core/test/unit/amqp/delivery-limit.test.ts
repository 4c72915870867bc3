/** When reading a message once more could be the last time. */
import { expect } from 'chai';

import { nearlyDropped } from '../../../dist/amqp/delivery-limit.js';

describe('nearlyDropped', () => {
  const cases: readonly [version: string, headers: Record<string, unknown>, isNear: boolean][] = [
    ['3.10.8', { 'x-delivery-count': 99 }, false],
    ['3.13.7', { 'x-delivery-count': 99 }, false],
    ['4.0.0', { 'x-acquired-count': 15 }, true],
    ['4.2.1', { 'x-delivery-count': 15 }, true],
    ['4.1.0', { 'x-acquired-count': 14, 'x-delivery-count': 3 }, false],
    ['4.1.0', { 'x-acquired-count': 'many' }, false],
    ['4.1.0', {}, false],
    ['4.3.0', { 'x-acquired-count': 99 }, false],
    ['5.0.0', { 'x-acquired-count': 99 }, false],
    ['undefined', { 'x-acquired-count': 99 }, false],
  ];
  for (const [version, headers, isNear] of cases) {
    it(`${version}, ${JSON.stringify(headers)}: ${isNear ? 'near' : 'no fear'}`, () => {
      const error = nearlyDropped('q', headers, version);
      expect(error?.code).to.equal(isNear ? 'ERR_DELIVERY_LIMIT_NEAR' : undefined);
    });
  }
});
