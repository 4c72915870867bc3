/** The outbox in a real PostgreSQL, relayed to the embedded broker. */
import { defineEvent, defineTask, loadConfig } from '@celeriac/core';
import { startBroker } from '@celeriac/dev-broker';
import { PostgresOutboxStore } from '@celeriac/outbox';
import { createPublisher } from '@celeriac/publisher';
import amqp from 'amqplib';
import { expect } from 'chai';
import pg from 'pg';

import { configFor, rejection, WatchedWorker } from '../support/clients.js';
import { freePorts } from '../support/free-port.js';
import { OutboxBench } from '../support/outbox.js';
import { usePostgres } from '../support/postgres.js';
import { waitFor } from '../support/wait-for.js';

const charge = defineTask({
  name: 'charge',
  input: { type: 'object', properties: { orderId: { type: 'string' } }, required: ['orderId'] },
});
const dealUpdated = defineEvent({ object: 'deal', action: 'update' });

describe('the outbox in PostgreSQL', function () {
  const postgres = usePostgres();
  let bench: OutboxBench;

  beforeEach(async () => {
    bench = await OutboxBench.create(postgres());
  });

  afterEach(async () => {
    await bench[Symbol.asyncDispose]();
  });

  it('sends a task and an event with the transaction that commits, and nothing with one that is rolled back', async () => {
    const { outbox, broker } = bench;
    await using watched = new WatchedWorker(configFor(broker.url));
    const ran: unknown[] = [];
    watched.worker.task(charge, (input, { id }) => void ran.push([id, input]));
    watched.worker.application('search').on(dealUpdated, (event) => void ran.push([event.id, event.values]));
    await watched.worker.start();
    bench.relay();

    const [task, event] = await bench.transaction(async (tx) => [
      await outbox.send(tx, charge, { orderId: '7' }),
      await outbox.publishEvent(tx, dealUpdated, { id: 7, values: { stage: 'won', big: 2n ** 63n } }),
    ]);
    await rejection(
      bench.transaction(async (tx) => {
        await outbox.send(tx, charge, { orderId: '8' });
        await outbox.publishEvent(tx, dealUpdated, { id: 8, values: { stage: 'lost', big: 1n } });
        throw new Error('no');
      }),
    );
    await watched.untilSettled(2);
    await bench.untilPublished();

    expect(ran).to.have.deep.members([
      [task.id, { orderId: '7' }],
      [event.id, { stage: 'won', big: 2n ** 63n }],
    ]);
    expect(watched.settled).to.have.length(2);
  });

  it('sends what a publisher would have sent, byte for byte', async () => {
    const { outbox, broker } = bench;
    const { publisher } = bench.publisher;
    const headers = { 'x-tenant': 'ä', at: new Date('2026-01-02T03:04:05Z'), big: 2n ** 60n, n: [null, 1.5] };
    const options = { id: 'same', headers, priority: 3, expires: new Date('2099-01-01'), shadow: 'short' };
    const event = { id: 'same', time: new Date(), extensions: { tenant: 'a' }, mandatory: true };
    const change = { id: 7, values: { stage: '€', big: 2n ** 63n } };
    const connection = await amqp.connect(broker.url);
    const channel = await connection.createChannel();
    const { exchange } = (await loadConfig({}, { env: {} })).events;
    await channel.assertExchange(exchange, 'topic');
    await channel.assertQueue('events');
    await channel.bindQueue('events', exchange, '#');
    await connection.close();
    await publisher.send(charge, { orderId: '€' }, options);
    await publisher.publishEvent(dealUpdated, change, event);

    bench.relay();
    await bench.transaction(async (tx) => {
      await outbox.send(tx, charge, { orderId: '€' }, options);
      await outbox.publishEvent(tx, dealUpdated, change, event);
    });
    await bench.untilPublished();

    for (const queue of ['celeriac', 'events']) {
      const [direct, relayed, ...rest] = broker.broker.messages(queue);
      expect(rest).to.deep.equal([]);
      expect(relayed?.body).to.deep.equal(direct?.body);
      expect(relayed?.properties).to.deep.equal(direct?.properties);
    }
  });

  it('publishes in order of insertion, thousands of them, each once over three relays', async () => {
    const { outbox, store } = bench;
    const orderIds = Array.from({ length: 3000 }, (_, n) => ({ orderId: String(n) }));
    const receipts = await bench.transaction((tx) => outbox.sendMany(tx, charge, orderIds));
    const first = bench.relay();
    await bench.untilPublished();
    expect(bench.idsIn()).to.deep.equal(receipts.map(({ id }) => id));

    await first.stop();
    const more = await bench.transaction((tx) => outbox.sendMany(tx, charge, orderIds));
    for (let n = 0; n < 3; n++) bench.relay({ batchSize: 20 });
    await bench.untilPublished();

    const again = bench.idsIn().slice(3000);
    expect(again.sort()).to.deep.equal(more.map(({ id }) => id).sort());
    expect(await store.stats()).to.deep.equal({ pending: 0, oldestMs: 0, setAside: 0 });
  });

  it('keeps the order of a key over several relays, also when confirms are refused and connections cut', async () => {
    const { outbox, broker } = bench;
    await bench.send('warm-up');
    const retry = { first: '5ms', longest: '10ms' };
    for (let n = 0; n < 3; n++) bench.relay({ batchSize: 7, poll: '10ms', retry });
    await bench.untilPublished();
    broker.broker.faults.random({ seed: 1, likelihood: 0.01, kinds: ['nack-confirm', 'drop'] });
    const ids = Array.from({ length: 300 }, (_, n) => `${n % 3}-${String(n).padStart(3, '0')}`);
    for (let from = 0; from < ids.length; from += 10) {
      await bench.transaction(async (tx) => {
        for (const id of ids.slice(from, from + 10))
          await outbox.send(tx, 'charge', [], { id, orderKey: id.slice(0, 1) });
      });
    }
    await bench.untilPublished();

    const found = bench.idsIn();
    expect(found.length).to.be.greaterThan(ids.length + 1); // a refused confirm promises nothing: it is sent again
    for (const key of ['0', '1', '2']) {
      const ofKey = found.filter((id) => id.startsWith(key));
      const each = ofKey.filter((id, index) => id !== ofKey[index - 1]);
      expect(each).to.deep.equal(ids.filter((id) => id.startsWith(key)));
    }
  });

  it('is woken by a commit, and by nothing before it', async () => {
    const relay = bench.relay({ poll: '1h' });
    const published: string[] = [];
    relay.on('published', ({ id }) => published.push(id));
    await bench.send('first'); // whether it was heard or found: from now on the relay sleeps
    await waitFor(() => published.length === 1);

    await bench.transaction(async (tx) => {
      await bench.outbox.send(tx, 'charge', [], { id: 'second' });
      await bench.transaction((other) => bench.outbox.send(other, 'charge', [], { id: 'third' }));
      await waitFor(() => published.length === 2);
    });
    await waitFor(() => published.length === 3);

    expect(published).to.deep.equal(['first', 'third', 'second']);
  });

  it('polls where it cannot listen', async () => {
    const store = new PostgresOutboxStore({ pool: bench.pool, schema: bench.schema });
    bench.relay({ store, poll: '50ms' });

    await bench.send('a');
    await bench.untilPublished();

    expect(bench.idsIn()).to.deep.equal(['a']);
  });

  it('goes on by itself after the database was away, listening again', async () => {
    const relay = bench.relay({ poll: '1h' });
    const happened: string[] = [];
    relay.on('paused', ({ code }) => happened.push(code)).on('resumed', () => happened.push('resumed'));
    await bench.send('a');
    await bench.untilPublished();

    await postgres().down();
    relay.wake();
    await waitFor(() => happened.includes('ERR_OUTBOX_STORE'));
    await postgres().up();
    await waitFor(() => happened.includes('resumed'));
    await bench.send('b');
    await bench.untilPublished();

    expect(bench.idsIn()).to.deep.equal(['a', 'b']);
  });

  it('says what to do when the table is missing', async () => {
    const store = new PostgresOutboxStore({ pool: bench.pool, table: 'nope' });
    const error = await rejection(bench.relay({ store }).stats());

    expect(error).to.have.property('code', 'ERR_OUTBOX_STORE');
    expect(error.hint).to.match(/schemaSql/u);
    expect(error.values).to.include({ sqlState: '42P01' });
  });

  it('sets an event aside that nobody is registered for, and sends it once someone is', async () => {
    const { outbox, broker, store } = bench;
    const relay = bench.relay({ retry: { attempts: 2, first: '10ms' }, poll: '20ms' });
    const failures: string[] = [];
    relay.on('failed', ({ id, attempts }) => failures.push(`${id} ${attempts}`));
    await bench.transaction(async (tx) => {
      await outbox.publishEvent(tx, dealUpdated, { id: 7 }, { id: 'nobody' });
      await outbox.publishEvent(tx, dealUpdated, { id: 8 }, { id: 'anybody', mandatory: false });
      await outbox.send(tx, 'charge', [], { id: 'other' });
    });
    await bench.untilPublished();
    expect(failures).to.deep.equal(['nobody 1']);
    const [aside] = await store.setAside({ limit: 10 });
    expect(aside).to.deep.include({ messageId: 'nobody', kind: 'event', attempts: 2 });
    expect(aside?.error).to.match(/No queue took the message/u);
    expect(bench.idsIn()).to.deep.equal(['other']);

    await using watched = new WatchedWorker(configFor(broker.url));
    watched.worker.application('search').on(dealUpdated, () => undefined);
    await watched.worker.start();
    expect(await store.bringBack([aside?.position ?? ''])).to.equal(1);
    await watched.untilSettled(1);

    expect(watched.settled[0]).to.include({ id: 'nobody' });
    await bench.untilPublished();
    expect(await store.stats()).to.include({ setAside: 0 });
  });

  it('waits out a broker that is not there, counting nothing against the rows', async () => {
    const [port] = (await freePorts(1)) as [number];
    const config = configFor(`amqp://guest:guest@127.0.0.1:${port}//`);
    await using publisher = await createPublisher({ config, env: {} });
    const relay = bench.relay({
      publisher,
      publishTimeout: '100ms',
      retry: { attempts: 1, longest: '200ms' },
    });
    const paused: string[] = [];
    relay.on('paused', ({ code }) => paused.push(code));
    await bench.send('a', 'b');
    await waitFor(() => paused.length >= 3);
    expect(await relay.stats()).to.include({ pending: 2, setAside: 0 });

    await using broker = await startBroker({ port });
    await bench.untilPublished();

    expect(new Set(paused)).to.deep.equal(new Set(['ERR_PUBLISH_TIMEOUT']));
    const ids = broker.messages('celeriac').map(({ properties }) => properties.messageId);
    expect(new Set(ids)).to.deep.equal(new Set(['a', 'b']));
  });

  it('takes any client, and its own names', async () => {
    const client = new pg.Client(postgres().address);
    await client.connect();
    try {
      await client.query('BEGIN');
      await bench.outbox.send(client, charge, { orderId: '7' });
      await client.query('COMMIT');
    } finally {
      await client.end();
    }

    expect(await bench.store.stats()).to.include({ pending: 1, setAside: 0 });
  });
});
