/** Inputs as calls and calls as inputs: there and back, and what Python callers write. */
import { expect } from 'chai';
import fc from 'fast-check';
import { z } from 'zod';

import { inputCandidates, toCall } from '../../../dist/contract/call.js';
import type { Schema } from '../../../dist/contract/schema.js';
import { defineTask } from '../../../dist/contract/task.js';

const charge = {
  type: 'object',
  properties: { account: { type: 'string' }, amount: { type: 'integer' } },
} as const;

type Args = readonly unknown[];
type Kwargs = Readonly<Record<string, unknown>>;

/** The likeliest input, or the text of the refusal. */
function bound(input: Schema | undefined, args: Args, kwargs: Kwargs = {}): unknown {
  const contract = defineTask(input === undefined ? { name: 't' } : { name: 't', input });
  const result = inputCandidates(contract, { args, kwargs, single: false });
  return result.ok ? result.values[0] : result.error.message;
}

describe('toCall', () => {
  it('sends a list by position, an object by name, nothing as nothing, and another value as the only argument', () => {
    expect(toCall([1, 2])).to.deep.include({ args: [1, 2], kwargs: {} });
    expect(toCall({ a: 1 })).to.deep.include({ args: [], kwargs: { a: 1 } });
    expect(toCall(undefined)).to.deep.include({ args: [], kwargs: {} });
    expect(toCall('x')).to.deep.include({ args: ['x'], kwargs: {} });
    expect(toCall(null)).to.deep.include({ args: [null], kwargs: {} });
    const date = new Date(0);
    expect(toCall(date)).to.deep.include({ args: [date], kwargs: {} });
  });
});

describe('a call stands for the input', () => {
  it('of an object whose properties take positional arguments in their declared order', () => {
    expect(bound(charge, ['a', 5])).to.deep.equal({ account: 'a', amount: 5 });
    expect(bound(charge, ['a'], { amount: 5 })).to.deep.equal({ account: 'a', amount: 5 });
    expect(bound(charge, [], { amount: 5, more: 1 })).to.deep.equal({ amount: 5, more: 1 });
  });

  it('of an object given as one dictionary', () => {
    expect(bound(charge, [{ account: 'a', amount: 5 }])).to.deep.equal({ account: 'a', amount: 5 });
  });

  it('of a zod object, by its members in their order', () => {
    const schema = z.object({ account: z.string(), amount: z.number() });

    expect(bound(schema, ['a', 5])).to.deep.equal({ account: 'a', amount: 5 });
  });

  it('of a list, whole', () => {
    expect(bound({ type: 'array' }, [1, [2]])).to.deep.equal([1, [2]]);
    expect(bound({ type: 'array' }, [])).to.deep.equal([]);
  });

  it('of a single value', () => {
    expect(bound({ type: 'integer' }, [5])).to.equal(5);
    expect(bound({ type: 'string' }, ['x'])).to.equal('x');
  });

  it('unless arguments are too many, twice there, or of the wrong kind', () => {
    expect(bound(charge, ['a', 5, 6])).to.include('takes 2 arguments by position, but got 3');
    expect(bound(charge, ['a'], { account: 'b' })).to.include("got 'account' twice, by position and by name");
    expect(bound({ type: 'array' }, [], { a: 1 })).to.include('takes a list, but got keyword arguments (a)');
    expect(bound({ type: 'integer' }, [1, 2])).to.match(/takes one value/u);
  });

  it('that was sent, among its candidates, whatever it was', () => {
    const input = fc.oneof(
      fc.constant(undefined),
      fc.array(fc.jsonValue()),
      fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/u), fc.jsonValue()),
      fc.string(),
      fc.integer(),
      fc.constant(null),
    );
    const contract = defineTask({ name: 't' });
    fc.assert(
      fc.property(input, (value) => {
        const result = inputCandidates(contract, toCall(value));
        expect(result).to.have.property('ok', true);
        expect(result).to.have.property('values').that.deep.includes(value);
      }),
    );
  });
});
