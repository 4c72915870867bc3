/** Inputs as calls and calls as inputs: there and back, and what Python callers write. */
import { expect } from 'chai';
import fc from 'fast-check';
import { Type } from 'typebox';
import { z } from 'zod';

import { inputCandidates, toCall } from '../../../dist/contract/call.js';
import type { Schema } from '../../../dist/contract/schema.js';
import { defineTask } from '../../../dist/contract/task.js';
import { checkInput } from '../../../dist/contract/validate.js';

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

/** What the handler gets: the first candidate that fits, as a worker chooses it. */
async function handed(
  input: Schema | undefined,
  args: Args,
  more: { kwargs?: Kwargs; single?: boolean } = {},
) {
  const contract = defineTask(input === undefined ? { name: 't' } : { name: 't', input });
  const candidates = inputCandidates(contract, {
    args,
    kwargs: more.kwargs ?? {},
    single: more.single ?? false,
  });
  if (!candidates.ok) return candidates.error.message;
  for (const value of candidates.values) {
    const checked = await checkInput(contract, value);
    if (checked.ok) return checked.value;
  }
  return 'nothing fits';
}

const amount = { account: 'a', amount: 5 };
const zAmount = z.object({ account: z.string(), amount: z.number() });
const tAmount = Type.Object({ account: Type.String(), amount: Type.Integer() });

describe('an input arrives as it was sent', () => {
  const inputs: readonly (readonly [string, Schema | undefined, unknown])[] = [
    ['a JSON object', charge, amount],
    ['an empty JSON object', charge, {}],
    ['a JSON object without properties', { type: 'object' }, { any: [1] }],
    ['a JSON list', { type: 'array', items: { type: 'integer' } }, [1, 2]],
    ['a JSON list of one', { type: 'array' }, [5]],
    ['a JSON list of one object', { type: 'array' }, [amount]],
    ['an empty JSON list', { type: 'array' }, []],
    ['a JSON tuple', { type: 'array', prefixItems: [{ type: 'string' }, { type: 'integer' }] }, ['a', 1]],
    ['a JSON integer', { type: 'integer' }, 5],
    ['a JSON text', { type: 'string' }, ''],
    ['a JSON null', { type: 'null' }, null],
    ['a JSON boolean', { type: 'boolean' }, false],
    ['a JSON value of two types', { type: ['string', 'null'] }, null],
    ['a JSON choice of list or text', { anyOf: [{ type: 'array' }, { type: 'string' }] }, []],
    [
      'a JSON choice of a number or a list, one number',
      { anyOf: [{ type: 'number' }, { type: 'array' }] },
      5,
    ],
    [
      'a JSON choice of a number or a list, a list of one',
      { anyOf: [{ type: 'number' }, { type: 'array' }] },
      [5],
    ],
    ['a JSON enum', { enum: ['on', 'off'] }, 'on'],
    ['a JSON reference', { $ref: '#/$defs/o', $defs: { o: { type: 'object' } } }, amount],
    ['a zod object', zAmount, amount],
    ['a strict zod object', z.strictObject({ a: z.number() }), { a: 1 }],
    ['a zod list', z.array(zAmount), [amount]],
    ['an empty zod list', z.array(z.number()), []],
    ['a zod tuple', z.tuple([z.string(), z.number()]), ['a', 1]],
    ['a zod number', z.number(), 5],
    ['a zod enum', z.enum(['on', 'off']), 'off'],
    ['a zod record', z.record(z.string(), z.number()), { a: 1, b: 2 }],
    ['a zod union of object and text', z.union([zAmount, z.string()]), 'x'],
    ['a zod union of list and number', z.union([z.array(z.number()), z.number()]), [5]],
    ['a nullable zod object', zAmount.nullable(), null],
    ['an optional zod text, left out', z.string().optional(), undefined],
    ['an optional zod object, left out', zAmount.optional(), undefined],
    ['an optional zod list, left out', z.array(z.number()).min(1).optional(), undefined],
    ['a refined zod object', zAmount.refine(({ amount: sum }) => sum > 0), amount],
    ['a TypeBox object', tAmount, amount],
    ['a TypeBox tuple', Type.Tuple([Type.String(), Type.Integer()]), ['a', 1]],
    ['a TypeBox list', Type.Array(Type.Integer()), [5]],
    ['a TypeBox record', Type.Record(Type.String(), Type.Integer()), { a: 1 }],
    ['a TypeBox union', Type.Union([Type.String(), Type.Null()]), null],
    ['a TypeBox literal', Type.Literal('on'), 'on'],
    ['an object without a schema', undefined, amount],
    ['a list without a schema', undefined, [1, 2]],
    ['a single value without a schema', undefined, 'x'],
  ];
  for (const [what, schema, input] of inputs) {
    it(`where it is ${what}`, async () => {
      const { args, kwargs, single } = toCall(input);
      const travelled = JSON.parse(JSON.stringify({ args, kwargs })) as { args: Args; kwargs: Kwargs };

      expect(await handed(schema, travelled.args, { kwargs: travelled.kwargs, single })).to.deep.equal(input);
    });
  }
});

describe('what a Python caller writes reaches the contract', () => {
  const schemas: readonly (readonly [string, Schema])[] = [
    ['JSON Schema', charge],
    ['zod', zAmount],
    ['TypeBox', tAmount],
  ];
  for (const [name, schema] of schemas) {
    it(`of ${name}: by position, by name, mixed, and as one dictionary`, async () => {
      expect(await handed(schema, ['a', 5])).to.deep.equal(amount);
      expect(await handed(schema, [], { kwargs: amount })).to.deep.equal(amount);
      expect(await handed(schema, ['a'], { kwargs: { amount: 5 } })).to.deep.equal(amount);
      expect(await handed(schema, [amount])).to.deep.equal(amount);
    });

    it(`of ${name}, and is refused where it does not fit`, async () => {
      expect(await handed(schema, [5, 'a'])).to.equal('nothing fits');
      expect(await handed(schema, [null])).to.equal('nothing fits');
      expect(await handed(schema, ['a', 5, 6])).to.include('takes 2 arguments by position');
    });
  }

  it('where the first property is a dictionary itself', async () => {
    const schema = z.strictObject({ options: z.record(z.string(), z.number()) });

    expect(await handed(schema, [{ a: 1 }])).to.deep.equal({ options: { a: 1 } });
  });

  it('where the schema converts: by the names of what goes in', async () => {
    const schema = z
      .object({ account: z.string(), amount: z.string() })
      .transform((given) => `${given.account}:${given.amount}`);

    expect(await handed(schema, ['a', '5'])).to.equal('a:5');
  });
});
