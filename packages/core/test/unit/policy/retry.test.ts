/** When a failed attempt is followed by another. Tables of whole decisions are in the worker's judge.test.ts. */
import { expect } from 'chai';
import fc from 'fast-check';

import { longestDelaySeconds } from '../../../dist/policy/delay.js';
import { decideRetry, retryAfterMs, retryDelayMs } from '../../../dist/policy/retry.js';
import type { RetryPolicy } from '../../../dist/policy/retry-options.js';

const policy: RetryPolicy = {
  max: 5,
  backoff: 'exponential',
  delayMs: 1000,
  maxDelayMs: 60_000,
  jitter: false,
  never: [],
  only: undefined,
};
const now = Date.UTC(2026, 0, 1);

describe('retryDelayMs', () => {
  it('doubles from the first delay to the longest', () => {
    const delays = [0, 1, 2, 5, 6, 1000].map((retries) => retryDelayMs(policy, retries, 0.9));
    expect(delays).to.deep.equal([1000, 2000, 4000, 32_000, 60_000, 60_000]);
  });

  it('stays the same for fixed, within the longest', () => {
    const fixed = { ...policy, backoff: 'fixed' as const };
    expect([0, 1, 9].map((retries) => retryDelayMs(fixed, retries, 0.9))).to.deep.equal([1000, 1000, 1000]);
    expect(retryDelayMs({ ...fixed, delayMs: 90_000 }, 0, 0.9)).to.equal(60_000);
  });

  it('is drawn between 0 and the cap with jitter, and reaches both ends', () => {
    const milliseconds = fc.integer({ min: 0, max: longestDelaySeconds * 1000 });
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    const given = fc.record({ retries: fc.nat(), random, delayMs: milliseconds, maxDelayMs: milliseconds });
    fc.assert(
      fc.property(given, ({ retries, random: drawn, ...delays }) => {
        const cap = retryDelayMs({ ...policy, ...delays, jitter: false }, retries, drawn);
        expect(retryDelayMs({ ...policy, ...delays, jitter: true }, retries, drawn)).to.be.within(0, cap);
        expect(cap).to.be.at.most(delays.maxDelayMs);
      }),
    );
    const jittered = { ...policy, jitter: true };
    expect(retryDelayMs(jittered, 2, 0)).to.equal(0);
    expect(retryDelayMs(jittered, 2, 0.999)).to.be.closeTo(4000, 5);
  });
});

describe('decideRetry', () => {
  it('makes at most 1 + max attempts, whatever the facts', () => {
    const facts = fc.record({
      retries: fc.nat({ max: 12 }),
      random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      wish: fc.option(fc.oneof(fc.boolean(), fc.nat()), { nil: undefined }),
      expires: fc.option(fc.integer({ min: now, max: now + 100_000 }), { nil: undefined }),
    });
    fc.assert(
      fc.property(facts, fc.nat({ max: 10 }), (given, max) => {
        const decision = decideRetry(new Error('x'), { ...given, now, policy: { ...policy, max } });
        if (!decision.again) return;
        expect(given.retries).to.be.below(max);
        expect(given.wish).not.to.equal(false);
        expect(decision.of).to.equal(max + 1);
        if (given.expires !== undefined) expect(now + decision.delayMs).to.be.below(given.expires);
      }),
    );
  });

  it('knows an error by name, code, class and superclass', () => {
    class HttpError extends Error {
      readonly code = 'E_HTTP';
    }
    class NotFound extends HttpError {
      override readonly name = 'Missing';
    }
    for (const name of ['Missing', 'E_HTTP', 'NotFound', 'HttpError', 'Error']) {
      const named = { ...policy, never: [name] };
      expect(decide(new NotFound(), named).again, name).to.equal(false);
    }
    expect(decide(new NotFound(), { ...policy, never: ['TypeError'] }).again).to.equal(true);
  });

  it('takes anything that can be thrown', () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const hostile = {
      get name(): string {
        throw new Error('no');
      },
      get retryAfter(): number {
        throw new Error('no');
      },
    };
    for (const thrown of [undefined, null, 0, 'text', Symbol('s'), proxy, hostile, Object.create(null)]) {
      expect(decide(thrown, { ...policy, never: ['TypeError'] }).again).to.equal(true);
    }
    expect(decide('text', { ...policy, never: ['string'] }).again).to.equal(false);
  });

  it('never asks for more than the longest delay', () => {
    const decision = decide(Object.assign(new Error('x'), { retryAfter: 1e12 }), policy);
    expect(decision).to.deep.equal({ again: true, delayMs: longestDelaySeconds * 1000, of: 6 });
  });

  function decide(error: unknown, under: RetryPolicy) {
    return decideRetry(error, { retries: 0, policy: under, now, random: 0 });
  }
});

describe('retryAfterMs', () => {
  const table: readonly (readonly [unknown, number])[] = [
    [30, 30_000],
    ['30', 30_000],
    [' 7 ', 7000],
    [new Date(now + 5000), 5000],
    ['Thu, 01 Jan 2026 00:01:00 GMT', 60_000],
    [new Date(now - 5000), 0],
    ['Wed, 31 Dec 2025 00:00:00 GMT', 0],
    [-5, 0],
    [NaN, 0],
    ['soon', 0],
    [new Date(NaN), 0],
    [{}, 0],
    [undefined, 0],
  ];
  for (const [retryAfter, wait] of table) {
    it(`reads ${String(retryAfter)} as ${wait} ms`, () => {
      expect(retryAfterMs({ retryAfter }, now)).to.equal(wait);
    });
  }
});
