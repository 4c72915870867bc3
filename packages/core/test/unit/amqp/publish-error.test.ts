/** What each failed publish says is known about the message. No broker. */
import { expect } from 'chai';

import * as errors from '../../../dist/amqp/publish-error.js';
import type { CeleriacError } from '../../../dist/errors.js';
import { outgoing } from './outgoing.js';

const message = outgoing('m1', { exchange: 'x', routingKey: 'k' });
const end = { code: 403, text: 'ACCESS_REFUSED', cause: new Error('cause') };
const late = {
  timeoutMs: 2500,
  everSent: false,
  blocked: undefined,
  connected: true,
  lastError: undefined,
};

describe('an error of a publish', () => {
  const table: readonly (readonly [string, string, CeleriacError])[] = [
    ['ERR_PUBLISH_UNROUTABLE', 'not-stored', errors.unroutable(message)],
    ['ERR_PUBLISH_NACKED', 'not-stored', errors.nacked(message)],
    ['ERR_EXCHANGE_NOT_FOUND', 'not-stored', errors.exchangeNotFound(message, end)],
    ['ERR_MESSAGE_TOO_LARGE', 'not-stored', errors.tooLarge(message, 1)],
    ['ERR_PUBLISH_REFUSED', 'not-stored', errors.refused(message, end)],
    ['ERR_PUBLISH_BACKPRESSURE', 'not-sent', errors.backpressure(message, { count: 1, bytes: 2 })],
    ['ERR_PUBLISH_TIMEOUT', 'not-sent', errors.deadlinePassed(message, late)],
    ['ERR_PUBLISH_TIMEOUT', 'unknown', errors.deadlinePassed(message, { ...late, everSent: true })],
    ['ERR_PUBLISH_BLOCKED', 'not-sent', errors.deadlinePassed(message, { ...late, blocked: 'low on disk' })],
    [
      'ERR_PUBLISH_BLOCKED',
      'unknown',
      errors.deadlinePassed(message, { ...late, everSent: true, blocked: 'low on disk' }),
    ],
    ['ERR_CLOSED', 'not-sent', errors.publisherClosed(message, false)],
    ['ERR_CLOSED', 'unknown', errors.publisherClosed(message, true)],
  ];
  for (const [code, outcome, error] of table) {
    it(`with ${code} can say ${outcome}, and names the message`, () => {
      expect(error.code).to.equal(code);
      expect(error.values).to.include({ outcome, id: 'm1', exchange: 'x', routingKey: 'k' });
    });
  }

  it('gives the deadline in seconds and the reason, and the last error as the cause', () => {
    const lastError = new Error('no route');
    const error = errors.deadlinePassed(message, { ...late, connected: false, lastError });

    expect(error.message).to.include('within 2.5 s: there is no connection');
    expect(error.cause).to.equal(lastError);
    expect(errors.deadlinePassed(message, late).message).to.include('did not confirm');
  });

  it('tells to send again under the same id exactly when the message may have been stored', () => {
    expect(errors.deadlinePassed(message, { ...late, everSent: true }).hint).to.include('same id');
    expect(errors.deadlinePassed(message, late).hint).not.to.include('same id');
  });

  it("names the queue for the default exchange, and the broker's words for a refusal", () => {
    expect(errors.nacked(outgoing('m2')).message).to.include("queue 'q'");
    expect(errors.refused(message, end).message).to.include('ACCESS_REFUSED');
    expect(errors.refused(message, end).values).to.have.property('replyCode', 403);
  });
});
