/** Contracts: what may be defined, and the words of the refusal. */
import { expect } from 'chai';

import { defineEvent } from '../../../dist/contract/event.js';
import { defineTask } from '../../../dist/contract/task.js';
import { isCeleriacError } from '../../../dist/errors.js';

function refusal(define: () => unknown): string {
  try {
    define();
  } catch (error) {
    if (isCeleriacError(error, 'ERR_CONTRACT_INVALID')) return error.message;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('defineTask', () => {
  it('keeps what it was given, frozen', () => {
    const input = { type: 'object' } as const;

    const contract = defineTask({
      name: 'billing.charge',
      input,
      queue: 'billing',
      priority: 3,
      expires: '1h',
    });

    expect(contract).to.deep.equal({
      kind: 'task',
      name: 'billing.charge',
      input: { type: 'object' },
      queue: 'billing',
      priority: 3,
      expires: '1h',
    });
    expect(contract).to.be.frozen;
  });

  it('names the nearest key for one that it does not know', () => {
    const misspelt = { name: 't', prioritty: 1 };

    expect(refusal(() => defineTask(misspelt))).to.include("has no 'prioritty'. Nearest: 'priority'.");
    expect(refusal(() => defineTask({ name: 't', zzz: 1 } as never))).to.match(
      /no 'zzz'\. Known are name, /u,
    );
  });

  for (const name of ['', 'é'.repeat(128), 7, null]) {
    it(`refuses the name ${JSON.stringify(name).slice(0, 10)}`, () => {
      expect(refusal(() => defineTask({ name } as never))).to.include('1 to 255 bytes');
    });
  }
});

describe('defineEvent', () => {
  it('keeps what it was given, frozen', () => {
    const contract = defineEvent({ object: 'deal', action: 'update', values: { type: 'object' } });

    expect(contract).to.deep.equal({
      kind: 'event',
      object: 'deal',
      action: 'update',
      values: { type: 'object' },
    });
    expect(contract).to.be.frozen;
  });

  for (const object of ['', 'a.b', 'a b', '*', 'a#', '{object}', 'x'.repeat(101)]) {
    it(`refuses the object '${object.slice(0, 10)}'`, () => {
      expect(refusal(() => defineEvent({ object, action: 'new' }))).to.include('one word');
    });
  }

  it('refuses an action of its own', () => {
    expect(refusal(() => defineEvent({ object: 'deal', action: 'closed' } as never))).to.include(
      'actions are new, update, delete, restore',
    );
  });
});
