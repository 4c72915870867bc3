/** Handlers of an application: patterns, order, and contracts whose routing key is known at the start only. */
import { defineEvent, defineEvents, eventPatterns, eventsMatching, type EventWanted } from '@celeriac/core';
import { expect } from 'chai';

import { Application } from '../../../dist/event-handler/application.js';

const nothing = (): void => undefined;
const updated = defineEvent({ object: 'deal', action: 'update' });
const patternsOf = (wanted: EventWanted): readonly string[] =>
  eventPatterns(
    { routing_key: 'core.{object}.{action}', accepted_routing_keys: ['{object}.{action}.v1'] },
    wanted,
  );

describe('Application', () => {
  let application: Application;
  beforeEach(() => {
    application = new Application('crm');
  });
  const matching = (key: string): unknown[] =>
    application.matching(key).map(({ handler }) => (handler as () => unknown)());

  it('finds every handler whose pattern matches, in the order of registration', () => {
    application
      .on('deal.*', () => 'any deal')
      .on('#', () => 'everything')
      .on('deal.new', () => 'new deal')
      .on('person.*', () => 'person');

    expect(matching('deal.new')).to.deep.equal(['any deal', 'everything', 'new deal']);
    expect(matching('deal.new.v1')).to.deep.equal(['everything']);
  });

  it('binds each pattern once, sorted, though several handlers have it', () => {
    application.on('b', nothing).on('a', nothing).on('b', nothing);

    expect(application.patterns).to.deep.equal(['a', 'b']);
    expect(application.matching('b')).to.have.length(2);
  });

  it('knows the routing key of a contract once it is resolved, also of one that is added later', () => {
    application.on(updated, () => 'early');
    expect(application.patterns).to.deep.equal([]);

    application.resolve(patternsOf);
    application.on(updated, () => 'late');
    expect(application.patterns).to.deep.equal(['core.deal.update', 'deal.update.v1']);
    expect(matching('core.deal.update')).to.deep.equal(['early', 'late']);
    expect(matching('deal.update.v1')).to.deep.equal(['early', 'late']);
    expect(application.matching('core.deal.update')[0]?.contract).to.equal(updated);
  });

  it('keeps the order of registration between contracts, resolved once', () => {
    const deleted = defineEvent({ object: 'deal', action: 'delete' });
    application
      .on(updated, () => 1)
      .on(deleted, () => 2)
      .on(updated, () => 3);
    application.resolve(patternsOf);
    application.resolve(patternsOf);

    expect(matching('core.deal.update')).to.deep.equal([1, 3]);
    expect(matching('core.deal.delete')).to.deep.equal([2]);
  });

  it('keeps the order of registration between contracts and patterns', () => {
    application.on(updated, () => 'contract').on('core.#', () => 'pattern');
    application.resolve(patternsOf);

    expect(matching('core.deal.update')).to.deep.equal(['contract', 'pattern']);
  });

  it('binds and handles a pattern over objects, and a routing pattern, in every spelling', () => {
    const deal = defineEvents({ object: 'deal' });
    application
      .on(deal.any, () => 'any deal')
      .on(eventsMatching('*.deleted'), () => 'deleted')
      .on('core.*.new', () => 'new');
    application.resolve(patternsOf);

    expect(application.patterns).to.deep.equal([
      '*.delete.v1',
      '*.new.v1',
      'core.*.delete',
      'core.*.new',
      'core.deal.*',
      'deal.*.v1',
    ]);
    expect(matching('deal.delete.v1')).to.deep.equal(['any deal', 'deleted']);
    expect(matching('core.person.delete')).to.deep.equal(['deleted']);
    expect(matching('person.new.v1')).to.deep.equal(['new']);
  });

  it('refuses a family: it has to be said which of its events', () => {
    const deal = defineEvents({ object: 'deal' });
    expect(() => application.on(deal as never, nothing))
      .to.throw()
      .with.deep.include({ code: 'ERR_CONTRACT_INVALID', values: { application: 'crm', object: 'deal' } });
    expect(application.isEmpty).to.equal(true);
  });

  it('is empty until it has a handler, resolved or not', () => {
    expect(application.isEmpty).to.equal(true);
    application.on(updated, nothing);
    expect(application.isEmpty).to.equal(false);
  });

  it('refuses patterns that AMQP cannot carry, naming the application', () => {
    for (const pattern of ['', 'ä'.repeat(128)]) {
      expect(() => application.on(pattern, nothing))
        .to.throw()
        .with.deep.include({ code: 'ERR_CONTRACT_INVALID', values: { application: 'crm', pattern } });
    }
    expect(application.isEmpty).to.equal(true);
  });
});
