/** Families of events and patterns over them: what they hold, and what they refuse. */
import { expect } from 'chai';

import { defineEvent } from '../../../dist/contract/event.js';
import { defineEvents, eventsMatching } from '../../../dist/contract/event-family.js';

const values = { type: 'object', properties: { name: { type: 'string' } } } as const;
const dataSchema = 'https://example.com/deal.json';

describe('defineEvents', () => {
  it('makes the four contracts that defineEvent makes, and a pattern over them', () => {
    const deal = defineEvents({ object: 'deal', values, dataSchema });

    const contract = (action: 'new' | 'update' | 'delete' | 'restore'): unknown =>
      defineEvent({ object: 'deal', action, values, dataSchema });
    expect(deal.created).to.deep.equal(contract('new'));
    expect(deal.updated).to.deep.equal(contract('update'));
    expect(deal.deleted).to.deep.equal(contract('delete'));
    expect(deal.restored).to.deep.equal(contract('restore'));
    expect(deal.any).to.deep.equal({ kind: 'event-pattern', object: 'deal', action: '*', values });
  });

  it('refuses objects that are no word, keys it does not know, and a dataSchema that is no URI', () => {
    for (const bad of [{ object: 'a.b' }, { object: '*' }, { object: 'deal', actoin: 'new' }])
      expect(() => defineEvents(bad))
        .to.throw()
        .with.property('code', 'ERR_CONTRACT_INVALID');
    for (const uri of ['', 'deal.json', 7 as unknown as string])
      expect(() => defineEvents({ object: 'deal', dataSchema: uri }))
        .to.throw()
        .with.property('code', 'ERR_CONTRACT_INVALID');
  });
});

describe('eventsMatching', () => {
  for (const [pattern, object, action] of [
    ['deal.*', 'deal', '*'],
    ['*.deleted', '*', 'delete'],
    ['*.delete', '*', 'delete'],
    ['deal.created', 'deal', 'new'],
    ['*.*', '*', '*'],
    ['#', '*', '*'],
  ] as const) {
    it(`reads ${pattern}`, () => {
      expect(eventsMatching(pattern)).to.deep.equal({ kind: 'event-pattern', object, action });
    });
  }

  for (const pattern of [
    '',
    'deal',
    'deal.closed',
    'deal.toString',
    'deal.#',
    'a b.*',
    'core.deal.new',
    '.new',
  ]) {
    it(`refuses '${pattern}'`, () => {
      expect(() => eventsMatching(pattern))
        .to.throw()
        .with.deep.include({
          code: 'ERR_CONTRACT_INVALID',
          values: { pattern },
        });
    });
  }
});
