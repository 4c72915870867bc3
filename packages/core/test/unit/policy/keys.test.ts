/** Keys of inputs, and the options that ask for them. */
import { expect } from 'chai';

import { isCeleriacError } from '../../../dist/errors.js';
import { checkKeyOptions, type KeyOf, type KeyOptions } from '../../../dist/policy/key-options.js';
import { keyOfInput, keyOfWhole, scopedKey } from '../../../dist/policy/keys.js';
import { planHeaders, readPlan, type SendPlan, sentIdempotency } from '../../../dist/protocol/key-headers.js';

describe('the key of an input', () => {
  it('is what a path leads to, or what a function gives, as text', () => {
    expect(keyOfInput('order.id', { order: { id: 7 } })).to.equal('7');
    expect(keyOfInput('0', ['a', 'b'])).to.equal('a');
    expect(keyOfInput((input: { a: bigint }) => input.a, { a: 5n })).to.equal('5');
  });

  for (const [path, input] of [
    ['order.id', {}],
    ['order', { order: {} }],
    ['constructor', {}],
    ['__proto__.constructor', {}],
    ['a', { a: '' }],
    ['a', { a: null }],
    ['a', undefined],
  ] as const) {
    it(`is not to be had by '${path}' of ${JSON.stringify(input)}`, () => {
      expect(() => keyOfInput(path, input))
        .to.throw()
        .with.property('code', 'ERR_INPUT_INVALID');
    });
  }

  it('as a whole is the same for equal inputs, and another for others', () => {
    expect(keyOfWhole({ a: 1, b: { c: 2, d: 3 } })).to.equal(keyOfWhole({ b: { d: 3, c: 2 }, a: 1 }));
    const all = [undefined, null, 1, '1', 1n, [1], { a: 1 }, { a: '1' }, [1, 2], [2, 1]].map(keyOfWhole);
    expect(new Set(all).size).to.equal(all.length);
  });

  it('is kept as its digest when it is long', () => {
    expect(scopedKey('task', 'x'.repeat(200))).to.equal(`task:${'x'.repeat(200)}`);
    expect(scopedKey('task', 'x'.repeat(201))).to.have.length(5 + 64);
  });
});

describe('the options of keys', () => {
  const refused: readonly unknown[] = [
    { idempotency: { window: '0s' } },
    { idempotency: { key: '' } },
    { idempotency: { kee: 'a' } },
    { unique: {} },
    { unique: { while: 'asleep' } },
    { unique: { while: 'running', on: 'replace' } },
    { unique: { while: 'queued', on: 'explode' } },
    { debounce: {} },
    { debounce: { wait: 'soon' } },
    { debounce: { wait: 1 }, unique: { while: 'queued' } },
  ];
  for (const options of refused) {
    it(`cannot be ${JSON.stringify(options)}`, () => {
      let thrown: unknown;
      try {
        checkKeyOptions(options as KeyOptions<KeyOf<never>>);
      } catch (error) {
        thrown = error;
      }
      expect(isCeleriacError(thrown)).to.equal(true);
    });
  }

  it('may be all that the guide shows', () => {
    checkKeyOptions({ idempotency: {}, unique: { while: 'queued', on: 'replace', ttl: '1h' } });
    checkKeyOptions({
      idempotency: { key: 'a', window: 60 },
      debounce: { key: () => 1, wait: 1, maxWait: 2 },
    });
  });
});

describe('the headers of keys', () => {
  const plans: readonly SendPlan[] = [
    { kind: 'hold', key: 'k', rule: 'queued-or-running', ttlMs: 5 },
    { kind: 'latest', key: 'k', ttlMs: 5, waitMs: undefined, maxWaitMs: undefined },
    { kind: 'latest', key: 'k', ttlMs: 5, waitMs: 6, maxWaitMs: 7 },
  ];
  for (const plan of plans) {
    it(`say ${JSON.stringify(plan)}`, () => {
      expect(readPlan(planHeaders(plan))).to.deep.equal(plan);
    });
  }

  it('say nothing where they make no sense', () => {
    const good = planHeaders(plans[0] as SendPlan);
    for (const [name, value] of [
      ['celeriac-unique', 7],
      ['celeriac-unique-ttl', 'x'],
      ['celeriac-unique-ttl', 5],
      ['celeriac-unique-while', 'constructor'],
      ['celeriac-unique-while', undefined],
    ] as const) {
      expect(readPlan({ ...good, [name]: value })).to.equal(undefined);
    }
    expect(sentIdempotency({ 'celeriac-idempotency-key': {}, 'celeriac-idempotency-window': '-1' })).to.equal(
      undefined,
    );
  });
});
