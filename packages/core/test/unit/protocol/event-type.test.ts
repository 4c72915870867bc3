/** Types of events: made from templates, read back, and as routing patterns in every spelling. */
import { expect } from 'chai';
import fc from 'fast-check';

import { isCeleriacError } from '../../../dist/errors.js';
import type { EventAction } from '../../../dist/message.js';
import { eventPatterns, eventType, parseEventType } from '../../../dist/protocol/event-type.js';

const pattern = 'core.limeobject.{object}.{action}.v1';

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return isCeleriacError(error) ? error.code : String(error);
  }
  return 'none';
}

describe('eventType', () => {
  it('fills the pattern, and parseEventType reads it back', () => {
    const action = fc.constantFrom<EventAction>('new', 'update', 'delete', 'restore');
    const object = fc.stringMatching(/^[^\s.*#]{1,100}$/u);
    fc.assert(
      fc.property(object, action, (one, what) => {
        expect(parseEventType(pattern, eventType(pattern, one, what))).to.deep.equal({
          object: one,
          action: what,
        });
      }),
    );
    expect(eventType(pattern, 'deal', 'new')).to.equal('core.limeobject.deal.new.v1');
  });

  for (const object of ['', 'a.b', 'a b', '*', '#', 'x'.repeat(101)]) {
    it(`refuses the object '${object.slice(0, 5)}' (${object.length} characters)`, () => {
      expect(codeOf(() => eventType(pattern, object, 'new'))).to.equal('ERR_CONTRACT_INVALID');
    });
  }
});

describe('parseEventType', () => {
  for (const type of [
    '',
    'core.limeobject.deal.new',
    'core.limeobject.deal.new.v1.more',
    'core.limeobject.deal.closed.v1',
    'core.other.deal.new.v1',
  ]) {
    it(`knows no object and action in '${type}'`, () => {
      expect(parseEventType(pattern, type)).to.equal(undefined);
    });
  }

  it('takes the first template that fits', () => {
    const templates = ['core.lime.{object}.{action}.v1', pattern];
    expect(parseEventType(templates, 'core.limeobject.deal.new.v1')).to.deep.equal({
      object: 'deal',
      action: 'new',
    });
    expect(parseEventType(templates, 'core.deal.new.v1')).to.equal(undefined);
  });
});

describe('eventPatterns', () => {
  const spellings = {
    routing_key: pattern,
    accepted_routing_keys: ['core.lime.{object}.{action}.v1', 'core.limeobject.{object}.{action}'],
  };
  const rows: readonly (readonly [
    wanted: Parameters<typeof eventPatterns>[1],
    patterns: readonly string[],
  ])[] = [
    [
      { object: 'deal', action: 'new' },
      ['core.limeobject.deal.new.v1', 'core.lime.deal.new.v1', 'core.limeobject.deal.new'],
    ],
    [
      { object: '*', action: 'delete' },
      ['core.limeobject.*.delete.v1', 'core.lime.*.delete.v1', 'core.limeobject.*.delete'],
    ],
    [{ object: '*', action: '*' }, ['core.limeobject.*.*.v1', 'core.lime.*.*.v1', 'core.limeobject.*.*']],
    ['core.lime.deal.*.v1', ['core.lime.deal.*.v1', 'core.limeobject.deal.*.v1', 'core.limeobject.deal.*']],
    ['core.limeobject.#', ['core.limeobject.#', 'core.lime.#']],
    ['core.limeobject.person.#', ['core.limeobject.person.#', 'core.lime.person.#']],
    ['core.lime.person.new.#', ['core.lime.person.new.#', 'core.limeobject.person.new.#']],
    ['core.lime.person.new.v1.#', ['core.lime.person.new.v1.#']],
    ['#', ['#']],
    ['core.#.v1', ['core.#.v1']],
    ['core.#', ['core.#']],
    ['hello-world.deal.created', ['hello-world.deal.created']],
    ['', ['']],
  ];
  for (const [wanted, patterns] of rows) {
    it(`binds ${JSON.stringify(wanted)} by ${patterns.length} patterns`, () => {
      expect(eventPatterns(spellings, wanted)).to.deep.equal(patterns);
    });
  }

  it('of one spelling are the pattern as it is', () => {
    const one = { routing_key: pattern, accepted_routing_keys: [] };
    for (const wanted of ['core.limeobject.deal.*.v1', 'core.limeobject.#', 'x'])
      expect(eventPatterns(one, wanted)).to.deep.equal([wanted]);
  });

  it('never swap what an object and what an action is', () => {
    const swapped = { routing_key: 'a.{object}.{action}', accepted_routing_keys: ['b.{action}.{object}'] };
    expect(eventPatterns(swapped, 'a.deal.*')).to.deep.equal(['a.deal.*', 'b.*.deal']);
    expect(eventPatterns(swapped, 'a.deal.#')).to.deep.equal(['a.deal.#']);
  });

  it("refuses a wildcard where a spelling has no word for it, which AMQP's * needs", () => {
    const joined = { routing_key: 'lime-{object}.{action}', accepted_routing_keys: [] };
    expect(codeOf(() => eventPatterns(joined, { object: '*', action: 'new' }))).to.equal(
      'ERR_CONTRACT_INVALID',
    );
    expect(eventPatterns(joined, { object: 'deal', action: '*' })).to.deep.equal(['lime-deal.*']);
  });
});
