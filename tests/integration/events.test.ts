/** The event bus: every registered application gets what it asked for, from the moment it registers. */
import { randomUUID } from 'node:crypto';

import {
  Applications,
  brokerAccess,
  type Config,
  type EventMessage,
  loadConfig,
  openPublishing,
  silentLogger,
  systemClock,
} from '@celeriac/core';
import { defineEvent, defineEvents } from '@celeriac/publisher';
import { eventsMatching } from '@celeriac/worker';
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, rejection, WatchedPublisher, WatchedWorker } from '../support/clients.js';
import { waitFor } from '../support/wait-for.js';

const dealCreated = defineEvent({ object: 'deal', action: 'new' });
const dealUpdated = defineEvent({ object: 'deal', action: 'update' });
const personCreated = defineEvent({ object: 'person', action: 'new' });

/** The registry as a process of its own sees it: over its own connection. */
class Registry implements AsyncDisposable {
  readonly applications: Applications;
  #close: () => Promise<void>;

  private constructor(applications: Applications, close: () => Promise<void>) {
    this.applications = applications;
    this.#close = close;
  }

  static async open(vhost: Vhost): Promise<Registry> {
    const config: Config = await loadConfig(configFor(vhost.url), { env: {} });
    const options = {
      config,
      logger: silentLogger,
      clock: systemClock,
      access: await brokerAccess(config, silentLogger),
    };
    const { session, sink, declarer } = openPublishing(options, 'events');
    const applications = new Applications({ config, session, declarer, clock: systemClock });
    return new Registry(applications, async () => {
      await session.close();
      await sink.close();
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#close();
  }
}

describe('events', function () {
  before(function () {
    requireRabbit(this);
  });

  it('reach each application that registered for them, once, and no other', async () => {
    await using vhost = await Vhost.create();
    await using watched = new WatchedWorker(configFor(vhost.url));
    const got: string[] = [];
    const note = (who: string) => (event: { type: string; objectId?: string | number }) =>
      got.push(`${who} ${event.type.split('.').slice(2, 4).join('.')} ${event.objectId ?? ''}`);
    watched.worker.application('invoicing').on('core.limeobject.deal.*.v1', note('invoicing'));
    watched.worker.application('search').on('core.limeobject.#', note('search'));
    watched.worker.application('mail').on(personCreated, note('mail'));
    await watched.worker.start();
    await using sender = await WatchedPublisher.open(configFor(vhost.url));
    await sender.publisher.publishEvent(dealCreated, { id: 1, values: { name: 'a' } });
    await sender.publisher.publishEvent(dealUpdated, { id: 1, values: {}, originalValues: {} });
    await sender.publisher.publishEvent(personCreated, { id: 2, values: {} });

    await watched.untilSettled(6);

    expect(got.sort()).to.deep.equal([
      'invoicing deal.new 1',
      'invoicing deal.update 1',
      'mail person.new 2',
      'search deal.new 1',
      'search deal.update 1',
      'search person.new 2',
    ]);
    expect(await vhost.depth('events.invoicing.dead-letter')).to.equal(0);
  });

  it('come in every spelling that is accepted, by family, by wildcard and by routing pattern', async () => {
    await using vhost = await Vhost.create();
    const lime = 'core.lime.{object}.{action}.v1';
    const older = 'core.limeobject.{object}.{action}';
    const config = configFor(vhost.url, { events: { accepted_routing_keys: [lime, older] } });
    await using watched = new WatchedWorker(config);
    const person = defineEvents({
      object: 'person',
      values: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] },
    });
    const got: string[] = [];
    const note = (who: string) => (event: EventMessage) =>
      got.push(`${who} ${event.object ?? ''} ${event.action ?? ''} ${event.type}`);
    watched.worker.application('family').on(person.any, note('family'));
    watched.worker.application('gone').on(eventsMatching('*.deleted'), note('gone'));
    watched.worker.application('pattern').on('core.lime.person.#', note('pattern'));
    await watched.worker.start();
    for (const routing_key of [lime, older, 'core.limeobject.{object}.{action}.v1']) {
      await using sender = await WatchedPublisher.open(configFor(vhost.url, { events: { routing_key } }));
      await sender.publisher.publishEvent(person.deleted, { id: 1 }); // its values are gone: no contract asks for them
    }

    await watched.untilSettled(9);

    const types = [
      'core.lime.person.delete.v1',
      'core.limeobject.person.delete',
      'core.limeobject.person.delete.v1',
    ];
    expect(got.sort()).to.deep.equal(
      ['family', 'gone', 'pattern'].flatMap((who) => types.map((type) => `${who} person delete ${type}`)),
    );
  });

  it('that were published after an application registered wait for its first start', async () => {
    await using vhost = await Vhost.create();
    await using registry = await Registry.open(vhost);
    await registry.applications.register('late', ['core.limeobject.deal.new.v1']);
    await using sender = await WatchedPublisher.open(configFor(vhost.url));
    for (let id = 1; id <= 5; id++) await sender.publisher.publishEvent(dealCreated, { id, values: {} });
    await using watched = new WatchedWorker(configFor(vhost.url));
    const ids: unknown[] = [];
    watched.worker.application('late').on(dealCreated, ({ objectId }) => ids.push(objectId));

    await watched.worker.start();

    await watched.untilSettled(5);
    expect(ids.map(String).sort()).to.deep.equal(['1', '2', '3', '4', '5']);
  });

  it('of a pattern that an exact registration no longer names stop coming; without exact they stay', async () => {
    await using vhost = await Vhost.create();
    await using registry = await Registry.open(vhost);
    await using sender = await WatchedPublisher.open(configFor(vhost.url));
    await registry.applications.register('app', ['a.#', 'b.#']);
    const kept = await registry.applications.register('app', ['b.#']);
    expect(kept.patterns).to.deep.equal(['a.#', 'b.#']);
    await sender.publisher.publishEvent('a.1', {});

    const exact = await registry.applications.register('app', ['b.#'], { exact: true });

    expect(exact.patterns).to.deep.equal(['b.#']);
    const error = await rejection(sender.publisher.publishEvent('a.2', {}));
    expect(error).to.have.property('code', 'ERR_PUBLISH_UNROUTABLE');
    await sender.publisher.publishEvent('b.1', {});
    expect((await vhost.take('events.app')).map(({ fields }) => fields.routingKey)).to.deep.equal([
      'a.1',
      'b.1',
    ]);
  });

  it('that no handler of the application matches go to its dead-letter queue as unknown', async () => {
    await using vhost = await Vhost.create();
    await using registry = await Registry.open(vhost);
    await registry.applications.register('app', ['old.#']);
    await using watched = new WatchedWorker(configFor(vhost.url));
    watched.worker.application('app').on('new.#', () => undefined);
    await watched.worker.start();
    await using sender = await WatchedPublisher.open(configFor(vhost.url));
    await sender.publisher.publishEvent('old.thing', { n: 1 });

    await watched.untilSettled(1);

    const [letter] = await vhost.take('events.app.dead-letter');
    expect(letter?.properties.headers).to.include({
      'celeriac-reason': 'unknown',
      'celeriac-error-type': 'ERR_EVENT_UNHANDLED',
      'celeriac-routing-key': 'old.thing',
    });
  });

  it('are handled once per event when one of two handlers fails: the event is dead-lettered with the error', async () => {
    await using vhost = await Vhost.create();
    await using watched = new WatchedWorker(configFor(vhost.url));
    const calls: string[] = [];
    watched.worker
      .application('app')
      .on('x.#', () => calls.push('first'))
      .on('x.y', () => {
        calls.push('second');
        throw new RangeError('no');
      });
    await watched.worker.start();
    await using sender = await WatchedPublisher.open(configFor(vhost.url));
    await sender.publisher.publishEvent('x.y', {});

    await watched.untilSettled(1);

    expect(calls).to.deep.equal(['first', 'second']);
    const [letter] = await vhost.take('events.app.dead-letter');
    expect(letter?.properties.headers).to.include({ 'celeriac-error-type': 'RangeError' });
  });
});

describe('the list of applications', function () {
  before(function () {
    requireRabbit(this);
  });

  it('is the same in two processes that registered at the same time, and over a reconnect', async () => {
    await using vhost = await Vhost.create();
    await using one = await Registry.open(vhost);
    await using two = await Registry.open(vhost);
    await Promise.all(
      ['a', 'b', 'c'].flatMap((name) => [
        one.applications.register(`one-${name}`, [`${name}.#`]),
        two.applications.register(`two-${name}`, [`${name}.#`]),
      ]),
    );
    await vhost.rabbit.closeConnections();

    const lists = [await one.applications.list(), await two.applications.list()];

    expect(lists[0]!.map(({ name }) => name)).to.deep.equal([
      'one-a',
      'one-b',
      'one-c',
      'two-a',
      'two-b',
      'two-c',
    ]);
    expect(lists[1]).to.deep.equal(lists[0]);
    expect(lists[0]![0]).to.deep.include({ queue: 'events.one-a', patterns: ['a.#'] });
  });

  it('loses an application that is unregistered, and keeps its queue with what is in it', async () => {
    await using vhost = await Vhost.create();
    await using registry = await Registry.open(vhost);
    await using sender = await WatchedPublisher.open(configFor(vhost.url));
    await registry.applications.register('app', ['a.#']);
    await sender.publisher.publishEvent('a.1', {});

    expect(await registry.applications.unregister('app')).to.equal(true);

    expect(await registry.applications.list()).to.deep.equal([]);
    expect(await vhost.depth('events.app')).to.equal(1);
    expect(await registry.applications.unregister('app')).to.equal(false);
    const error = await rejection(sender.publisher.publishEvent('a.2', {}, { id: randomUUID() }));
    expect(error).to.have.property('code', 'ERR_PUBLISH_UNROUTABLE');
  });

  it('is busy while another connection holds its lock: an error after ten seconds, and a worker starts all the same', async () => {
    await using vhost = await Vhost.create();
    await using registry = await Registry.open(vhost);
    const channel = await (await vhost.raw()).createChannel();
    await channel.assertQueue('celeriac.applications.lock', { exclusive: true, durable: false });
    await using watched = new WatchedWorker(configFor(vhost.url));
    const got: string[] = [];
    watched.worker.application('app').on('a.#', ({ type }) => got.push(type));
    const busy = rejection(registry.applications.register('other', ['b.#']));

    const [error] = await Promise.all([busy, watched.worker.start()]);

    expect(error).to.have.property('code', 'ERR_REGISTRY_BUSY');
    expect(watched.log.matching(/not entered into the list/u)).to.have.length(1);
    await using sender = await WatchedPublisher.open(configFor(vhost.url));
    await sender.publisher.publishEvent('a.b', {});
    await waitFor(() => got.length === 1);
  });
});
