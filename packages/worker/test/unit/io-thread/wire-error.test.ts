/** What is left of an error after it has crossed between threads: all that people and programs read. */
import { CeleriacError } from '@celeriac/core';
import { expect } from 'chai';

import { celeriacFromWire, fromWire, toWire } from '../../../dist/io-thread/wire-error.js';

const cross = (error: unknown): Error => fromWire(structuredClone(toWire(error)));

describe('an error that crosses', () => {
  it('keeps code, text, hint, values, retryability and causes', () => {
    const socket = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    const unreachable = new CeleriacError('ERR_BROKER_UNREACHABLE', { message: 'No.', cause: socket });
    const error = new CeleriacError('ERR_PUBLISH_TIMEOUT', {
      message: 'Not confirmed.',
      hint: 'Send it again.',
      values: { id: 'm', outcome: 'unknown' },
      cause: unreachable,
    });

    const wire = structuredClone(toWire(error));
    const crossed = celeriacFromWire(wire);

    expect(crossed).to.be.instanceOf(CeleriacError);
    expect(crossed.toJSON()).to.deep.equal(error.toJSON());
    expect(crossed.hint).to.equal('Send it again.');
    expect(crossed.message).to.equal('Not confirmed. Send it again.');
    const cause = crossed.cause as CeleriacError;
    expect([
      cause.code,
      (cause.cause as Error).message,
      (cause.cause as { code?: string }).code,
    ]).to.deep.equal(['ERR_BROKER_UNREACHABLE', 'connect ECONNREFUSED', 'ECONNREFUSED']);
  });

  it('keeps name, text and stack of a foreign one', () => {
    const error = new TypeError('no function');

    const crossed = cross(error);

    expect([crossed.name, crossed.message, crossed.stack]).to.deep.equal([
      'TypeError',
      'no function',
      error.stack,
    ]);
  });

  it('shows values that cannot be copied as text, and no password', () => {
    const error = new CeleriacError('ERR_CONNECTION_LOST', {
      message: 'amqp://me:canary@host is gone.',
      values: { socket: () => 1 },
      cause: 'amqp://me:canary@host',
    });

    const crossed = cross(error);

    expect(JSON.stringify(toWire(error))).not.to.include('canary');
    expect(crossed.message).to.equal('amqp://me:***@host is gone.');
  });

  it('ends a chain of causes that ends nowhere', () => {
    const error = new CeleriacError('ERR_CLOSED', { message: 'a' });
    Object.defineProperty(error, 'cause', { value: error });

    expect(cross(error).message).to.equal('a');
  });
});
