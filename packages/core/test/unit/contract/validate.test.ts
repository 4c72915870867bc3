/** Validation against contracts: what passes, and the words for what does not; never the values themselves. */
import { Type } from 'typebox';
import { expect } from 'chai';
import { z } from 'zod';

import { defineEvent } from '../../../dist/contract/event.js';
import type { Schema } from '../../../dist/contract/schema.js';
import { defineTask } from '../../../dist/contract/task.js';
import { checkedInput, checkInput, checkValues } from '../../../dist/contract/validate.js';
import { type CeleriacError, isCeleriacError } from '../../../dist/errors.js';

async function problems(input: Schema, value: unknown): Promise<unknown> {
  const result = await checkInput(defineTask({ name: 'billing.charge', input }), value);
  return result.ok ? [] : result.error.values.problems;
}

async function thrown(promise: Promise<unknown>): Promise<CeleriacError> {
  return promise.then(
    () => {
      throw new Error('nothing was thrown');
    },
    (error: unknown) => error as CeleriacError,
  );
}

const charge = {
  type: 'object',
  properties: {
    account: { type: 'string', minLength: 1 },
    amount: { type: 'integer', minimum: 1 },
    currency: { enum: ['EUR', 'SEK'] },
    when: { type: 'string', format: 'date-time' },
  },
  required: ['account', 'amount'],
  additionalProperties: false,
} as const;

describe('a JSON Schema', () => {
  it('lets through what fits, unchanged', async () => {
    const value = { account: 'a', amount: 1, currency: 'SEK', when: '2026-11-25T04:09:03Z' };

    const result = await checkInput(defineTask({ name: 't', input: charge }), value);

    expect(result).to.deep.equal({ ok: true, value });
    expect(result.ok && result.value).to.equal(value);
  });

  it('names every problem by its path, all at once', async () => {
    const value = { account: '', amount: 0, currency: 'XXX', when: 'soon', extra: 1 };

    expect(await problems(charge, value)).to.have.members([
      'account: must NOT have fewer than 1 characters',
      'amount: must be >= 1',
      'currency: must be one of ["EUR","SEK"]',
      'when: must match format "date-time"',
      "it: has an unknown property 'extra'",
    ]);
    expect(await problems(charge, {})).to.have.length(2);
    expect(await problems(charge, 'text')).to.deep.equal(['it: must be object']);
  });

  it('shows no value in its error, which may be a secret', async () => {
    const error = await thrown(
      checkedInput(defineTask({ name: 't', input: charge }), { account: 5, amount: 'hunter2' }),
    );

    expect(error).to.have.property('code', 'ERR_INPUT_INVALID');
    expect(JSON.stringify(error)).not.to.include('hunter2');
  });

  it('counts the problems beyond the tenth', async () => {
    const properties = Object.fromEntries(
      Array.from({ length: 13 }, (_, index) => [`p${index}`, { type: 'string' }]),
    );
    const value = Object.fromEntries(Object.keys(properties).map((key) => [key, 1]));
    const error = await thrown(checkedInput(defineTask({ name: 't', input: { properties } }), value));

    expect(error.message).to.include('; and 3 more.');
    expect(error.values.problems).to.have.length(10);
  });

  it('that is broken is an error of the contract', async () => {
    const contract = defineTask({ name: 't', input: { type: 'nonsense' } });

    const error = await thrown(checkedInput(contract, 1));

    expect(error).to.have.property('code', 'ERR_CONTRACT_INVALID');
    expect(error.message).to.include("the input of task 't'");
  });

  it('may share its $id with another', async () => {
    const one = { $id: 'same', type: 'string' } as const;
    const other = { $id: 'same', type: 'integer' } as const;

    expect(await problems(one, 'x')).to.be.empty;
    expect(await problems(other, 'x')).to.deep.equal(['it: must be integer']);
  });

  it('as TypeBox writes it is checked, tuples too', async () => {
    const schema = Type.Object({ pair: Type.Tuple([Type.String(), Type.Integer()]) });

    expect(await problems(schema, { pair: ['a', 1] })).to.be.empty;
    expect(await problems(schema, { pair: ['a', 'b'] })).to.deep.equal(['pair.1: must be integer']);
  });
});

describe('a Standard Schema', () => {
  const schema = z.object({ account: z.string(), amount: z.coerce.number().min(1) });

  it('gives the handler what it makes of the input, and the sender what it passed', async () => {
    const contract = defineTask({ name: 't', input: schema });
    const value = { account: 'a', amount: '5' };

    expect(await checkInput(contract, value)).to.deep.equal({ ok: true, value: { account: 'a', amount: 5 } });
    expect(await checkedInput(contract, value)).to.equal(value);
  });

  it('names problems by their path', async () => {
    const [first, second] = (await problems(schema, { account: 1, amount: 0 })) as [string, string];

    expect(first).to.match(/^account: /u);
    expect(second).to.match(/^amount: /u);
  });

  it('may validate asynchronously', async () => {
    const slow = z.string().refine((text) => Promise.resolve(text !== 'taken'), { message: 'is taken' });

    expect(await problems(slow, 'free')).to.be.empty;
    expect(await problems(slow, 'taken')).to.deep.equal(['it: is taken']);
  });
});

describe("an event's values", () => {
  it('are checked by the same rules', async () => {
    const contract = defineEvent({ object: 'deal', action: 'new', values: charge });

    const result = await checkValues(contract, { account: 'a' });

    expect(result.ok).to.equal(false);
    expect(!result.ok && isCeleriacError(result.error, 'ERR_INPUT_INVALID')).to.equal(true);
    expect(!result.ok && result.error.message).to.match(/^The values of event 'deal new'/u);
  });

  it('may be anything where the contract has no schema', () => {
    expect(checkValues(defineEvent({ object: 'deal', action: 'new' }), 5)).to.deep.equal({
      ok: true,
      value: 5,
    });
  });
});
