/** Errors on their way between parent and child: what arrives is what `judge` and people need of what was thrown. */
import { deserialize, serialize } from 'node:v8';

import { CeleriacError, isCeleriacError, isReject, isRetry, Reject, Retry } from '@celeriac/core';
import { expect } from 'chai';

import { fromThrown, sendable, toThrown } from '../../../dist/pool/thrown.js';

/** Through the serialization of the channel. */
const sent = (error: unknown): unknown => fromThrown(deserialize(serialize(toThrown(error))) as never);

class HttpError extends Error {
  override readonly name = 'HTTP';
  readonly code = 503;
  readonly retryAfter = '120';
}
class Unavailable extends HttpError {}

describe('what was thrown, sent to another thread or process,', () => {
  it('keeps name, text, stack, code, retryAfter and cause', () => {
    const error = new Unavailable('busy', { cause: new TypeError('below') });
    const arrived = sent(error) as HttpError;

    expect(arrived).to.be.instanceOf(Error);
    expect(arrived).to.include({ name: 'HTTP', message: 'busy', code: 503, retryAfter: '120' });
    expect(arrived.stack).to.equal(error.stack);
    expect(arrived.cause).to.be.instanceOf(TypeError).with.property('message', 'below');
  });

  it('keeps the names of its classes, which retry policies name', () => {
    const arrived = Object.getPrototypeOf(sent(new Unavailable('busy'))) as object;
    expect(arrived.constructor.name).to.equal('Unavailable');
    expect((Object.getPrototypeOf(arrived) as object).constructor.name).to.equal('HttpError');
  });

  it('keeps what a handler asks for', () => {
    const retry = sent(
      new Retry({ delay: '90s', max: null, cause: new RangeError('x'), reason: 'later' }),
    ) as Retry;
    expect(isRetry(retry)).to.equal(true);
    expect(retry).to.include({ delayMs: 90_000, max: Infinity, message: 'later' });
    expect(retry.cause).to.be.instanceOf(RangeError);

    const reject = sent(new Reject('no', { requeue: true })) as Reject;
    expect(isReject(reject)).to.equal(true);
    expect(reject).to.include({ requeue: true, message: 'no' });
  });

  it("keeps Celeriac's errors whole, the hint said once", () => {
    const original = new CeleriacError('ERR_INPUT_INVALID', {
      message: 'Bad.',
      hint: 'Do better.',
      values: { n: 1 },
    });
    const arrived = sent(original) as CeleriacError;
    expect(isCeleriacError(arrived, 'ERR_INPUT_INVALID')).to.equal(true);
    expect(arrived).to.include({ message: 'Bad. Do better.', hint: 'Do better.', retryable: false });
    expect(arrived.values).to.deep.equal({ n: 1 });
  });

  it('is the value itself where that is no error', () => {
    for (const value of ['text', undefined, null, 7, { a: [1n] }]) expect(sent(value)).to.deep.equal(value);
  });

  it('arrives whatever it is', () => {
    const loop = new Error('loop');
    loop.cause = loop;
    const hostile = new Proxy(new Error('x'), {
      get: () => {
        throw new Error('no');
      },
    });
    const odd = Object.assign(new Error('x'), { message: { not: 'text' }, stack: 7, code: () => 1 });
    for (const one of [loop, hostile, odd, () => 1, Symbol('s'), { f: () => 1, g: 2 }]) {
      expect(() => sent(one)).not.to.throw();
    }
    expect((sent(loop) as Error).message).to.equal('loop');
  });
});

describe('sendable', () => {
  it('leaves what can be cloned, and makes text of the parts that cannot', () => {
    const at = new Date(0);
    expect(sendable({ at, n: 1n })).to.deep.equal({ at, n: 1n });
    expect(sendable({ n: 1, f: () => 1 })).to.deep.include({ n: 1 });
    expect((sendable({ f: () => 1 }) as { f: unknown }).f).to.be.a('string');
    expect(sendable(() => 1)).to.be.a('string');
  });
});
