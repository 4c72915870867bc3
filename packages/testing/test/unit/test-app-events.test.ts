/** Events in a test app: who gets them, and how each application ends. */
import { AssertionError } from 'node:assert';

import { isCeleriacError, stringifyJson } from '@celeriac/core';
import { expect } from 'chai';

import { testApp } from '../../dist/index.js';
import { dealUpdated, register } from '../support/billing.js';
import { rejection } from '../support/failures.js';

describe('events in a test app', () => {
  const event = (type: string, data: unknown): string =>
    stringifyJson({ specversion: '1.0', id: 'e1', source: 's', type, data });

  it('reach every application whose patterns match, and no other', async () => {
    const got: string[] = [];
    await using app = await testApp({
      register: (worker) => {
        worker.application('crm').on(dealUpdated, ({ values }) => got.push(`crm ${values?.name ?? ''}`));
        worker
          .application('audit')
          .on('core.#', ({ object, action }) => got.push(`audit ${object ?? ''} ${action ?? ''}`));
        worker.application('people').on('core.limeobject.person.*.v1', () => got.push('people'));
      },
    });

    const result = await app.publishEvent(dealUpdated, { id: 7, values: { name: 'big' } });

    result.expectSucceeded();
    expect(result.applications).to.deep.equal(['crm', 'audit']);
    expect(got.sort()).to.deep.equal(['audit deal update', 'crm big']);
    expect(result.of('crm')).to.include({ application: 'crm', settled: 'acked' });
  });

  it('end in one application without disturbing another', async () => {
    await using app = await testApp({
      register: (worker) => {
        worker.application('good').on('#', () => undefined);
        worker.application('bad').on('#', () => {
          throw new Error('boom');
        });
      },
    });

    const result = await app.publishEvent('anything', { a: 1 });

    result.of('good').expectSucceeded();
    result.of('bad').expectDeadLettered('failed');
    expect(() => result.expectSucceeded()).to.throw(AssertionError, 'boom');
  });

  it('that nobody wants have no results, and expecting success of them fails', async () => {
    await using app = await testApp({ register });

    const result = await app.publishEvent('unheard.of', {});

    expect(result.results).to.deep.equal([]);
    expect(() => result.expectSucceeded()).to.throw(AssertionError, 'no pattern matches it');
    expect(() => result.of('crm')).to.throw(AssertionError, 'It reached none.');
  });

  it('are dead-lettered when an application gets one it has no handler for', async () => {
    await using app = await testApp({ register });

    const result = await app.deliver({ application: 'crm', routingKey: 'other', body: event('other', {}) });

    result.expectDeadLettered('unknown');
    expect(isCeleriacError(result.error, 'ERR_EVENT_UNHANDLED')).to.equal(true);
  });

  it('are dead-lettered when their values break the contract, or when they are none', async () => {
    await using app = await testApp({ register });
    const routingKey = 'core.limeobject.deal.update.v1';

    const invalid = await app.deliver({
      application: 'crm',
      routingKey,
      body: event(routingKey, { values: {} }),
    });
    const malformed = await app.deliver({ application: 'crm', routingKey, body: '[]' });

    invalid.expectDeadLettered('invalid');
    malformed.expectDeadLettered('malformed');
    expect(malformed.deadLetter?.detail).to.equal('not-an-event');
  });

  it('cannot be delivered to an application that is not registered', async () => {
    await using app = await testApp({ register });

    const error = await rejection(app.deliver({ application: 'nobody', body: '{}' }));

    expect(error.message).to.include("The application 'nobody' is not registered");
  });
});
