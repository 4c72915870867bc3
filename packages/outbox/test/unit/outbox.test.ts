/** What the outbox writes: over memory, with a clock of its own. */
import { defineEvent, defineTask, type ErrorCode, isCeleriacError } from '@celeriac/core';
import { expect } from 'chai';

import { createOutbox, type OutboxRecord, PostgresOutboxStore } from '../../dist/index.js';
import { type OutboxInMemory, outboxInMemory } from '../support/relay.js';

const charge = defineTask({
  name: 'billing.charge',
  input: { type: 'object', properties: { orderId: { type: 'string' } }, required: ['orderId'] },
  delay: '10m',
  expires: '1h',
});
const dealUpdated = defineEvent({
  object: 'deal',
  action: 'update',
  values: { type: 'object', properties: { stage: { type: 'string' } }, required: ['stage'] },
});

const code = (wanted: ErrorCode) => (error: unknown) => isCeleriacError(error, wanted);

describe('the outbox', () => {
  let parts: OutboxInMemory;

  beforeEach(async () => {
    parts = await outboxInMemory();
  });

  afterEach(async () => {
    await parts.stop();
  });

  async function rejection(promise: Promise<unknown>): Promise<unknown> {
    return promise.then(
      () => {
        throw new Error('it resolved, where a rejection was due');
      },
      (error: unknown) => error,
    );
  }

  it('writes nothing that does not fit its contract or cannot be encoded', async () => {
    const { outbox, database, store } = parts;
    const errors = await database.transaction(async (tx) => [
      // @ts-expect-error -- orderId is a text
      await rejection(outbox.send(tx, charge, { orderId: 7 })),
      await rejection(outbox.send(tx, 'math.add', [() => 1])),
      await rejection(outbox.send(tx, 'math.add', [], { delay: '1m', eta: new Date() })),
      // @ts-expect-error -- so is stage
      await rejection(outbox.publishEvent(tx, dealUpdated, { id: 1, values: { stage: 1 } })),
      await rejection(outbox.send(tx, 'big', ['x'.repeat(17 * 1024 * 1024)])),
    ]);

    const wanted = [
      'ERR_INPUT_INVALID',
      'ERR_NOT_SERIALIZABLE',
      'ERR_INPUT_INVALID',
      'ERR_INPUT_INVALID',
      'ERR_MESSAGE_TOO_LARGE',
    ];
    expect(errors.map((error) => (error as { code: string }).code)).to.deep.equal(wanted);
    expect(await store.stats()).to.include({ pending: 0 });
  });

  it('writes nothing in a transaction that is rolled back', async () => {
    const { outbox, database, store } = parts;
    await rejection(
      database.transaction(async (tx) => {
        await outbox.send(tx, 'math.add', [1, 2]);
        throw new Error('no');
      }),
    );

    expect(await store.stats()).to.include({ pending: 0 });
  });

  it('sends delayed by what is left of the delay, and expiring with what is left of the expiry', async () => {
    const { outbox, database, publisher, clock } = parts;
    const { eta } = await database.transaction((tx) => outbox.send(tx, charge, { orderId: '7' }));
    const expected = new Date(clock.now() + 600_000);
    await clock.advance('4m');
    const receipts: unknown[] = [];
    const publishPrepared: typeof publisher.publishPrepared = async (...args) => {
      const receipt = await publisher.publishPrepared(...args);
      receipts.push(receipt);
      return receipt;
    };

    parts.relay({ publisher: { publishPrepared } });
    await clock.advance('1s');

    expect(eta).to.deep.equal(expected);
    const [receipt] = receipts as [{ routingKey: string }];
    expect(receipt).to.deep.include({ eta: expected, exchange: 'celery_delayed_8' });
    const bits = receipt.routingKey.split('.').slice(0, 28).join('');
    expect(Number.parseInt(bits, 2)).to.equal(360);
    expect(publisher.sent[0]?.message.expires).to.equal(expected.getTime() - 600_000 + 3_600_000);
  });

  it('gives a message without a delay the time to live that is left', async () => {
    const { outbox, database, clock } = parts;
    const expirations: (string | undefined)[] = [];
    await database.transaction(async (tx) => {
      await outbox.send(tx, 'math.add', [1], { expires: '10m', headers: { 'x-tenant': 'a', n: 2n ** 60n } });
    });
    await clock.advance('4m');
    const { BrokerTaskSender, BrokerEventSender, loadConfig, publishPrepared } =
      await import('@celeriac/core');
    const config = await loadConfig({}, { env: {} });
    const common = {
      config,
      clock,
      newId: () => 'none',
      declarer: { ensure: () => undefined, forget: () => undefined },
      sink: {
        publish: ({
          properties,
        }: {
          properties: { expiration?: string; headers?: Record<string, unknown> };
        }) => {
          expirations.push(properties.expiration);
          expect(properties.headers).to.include({ 'x-tenant': 'a', n: 2n ** 60n });
          return Promise.resolve();
        },
      },
    };
    const tasks = new BrokerTaskSender({ ...common, origin: 'me' });
    const events = new BrokerEventSender({ ...common, source: 'me' });

    parts.relay({ publisher: { publishPrepared: publishPrepared(tasks, events) } });
    await clock.advance('1s');

    expect(expirations).to.deep.equal([String(6 * 60_000)]);
  });

  it('sends what became due while it waited at once', async () => {
    const { outbox, database, publisher, clock } = parts;
    await database.transaction((tx) => outbox.send(tx, charge, { orderId: '7' }));
    await clock.advance('11m');
    const keys: string[] = [];
    const publishPrepared: typeof publisher.publishPrepared = async (...args) => {
      const receipt = await publisher.publishPrepared(...args);
      keys.push(receipt.routingKey);
      return receipt;
    };

    parts.relay({ publisher: { publishPrepared } });
    await clock.advance('1s');

    expect(keys).to.deep.equal(['billing']);
  });

  it('publishes events with source, time and extensions of when they were written', async () => {
    const { outbox, database, publisher, clock } = parts;
    const writtenAt = clock.now();
    const { id } = await database.transaction((tx) =>
      outbox.publishEvent(
        tx,
        dealUpdated,
        { id: 7, values: { stage: 'won' }, originalValues: { stage: 'open' } },
        { extensions: { tenant: 'a' } },
      ),
    );
    await clock.advance('1m');

    parts.relay();
    await clock.advance('1s');

    expect(publisher.published[0]).to.deep.include({
      id,
      source: 'shop',
      time: writtenAt,
      type: 'core.limeobject.deal.update.v1',
      values: { stage: 'won' },
      originalValues: { stage: 'open' },
      extensions: { tenant: 'a' },
    });
  });

  it('sends children of the task that wrote them', async () => {
    const { outbox, database, publisher, clock } = parts;
    await database.transaction((tx) =>
      outbox.send(tx, 'math.add', [1], { parent: { id: 'parent', rootId: 'root' } }),
    );

    parts.relay();
    await clock.advance('1s');

    expect(publisher.sent[0]?.message).to.include({ parentId: 'parent', rootId: 'root' });
  });

  it('writes one of many per input, or none', async () => {
    const { outbox, database, store } = parts;
    const input = [{ orderId: '1' }, { orderId: '2' }];
    const receipts = await database.transaction((tx) => outbox.sendMany(tx, charge, input));
    const error = await rejection(
      database.transaction((tx) => outbox.sendMany(tx, 'math.add', [[1], [() => 2]])),
    );

    expect(new Set(receipts.map(({ id }) => id))).to.have.property('size', 2);
    expect(error).to.satisfy(code('ERR_NOT_SERIALIZABLE'));
    expect(await store.stats()).to.include({ pending: 2 });
  });

  it('needs no broker: a configuration that names one which is not there is no matter', async () => {
    const written: OutboxRecord[] = [];
    const store = {
      write: (_tx: null, records: readonly OutboxRecord[]) => Promise.resolve(void written.push(...records)),
    };
    const config = { events: { connection_string: 'amqp://127.0.0.1:1//' } };
    const outbox = await createOutbox({ store: store as never, config, env: {} });

    await outbox.send(null, 'math.add', [1]);

    expect(written[0]).to.include({ name: 'math.add', queue: 'celeriac', kind: 'task', mandatory: true });
  });

  it('refuses a pool where a transaction is needed', async () => {
    const pool = { query: () => Promise.resolve({ rows: [] }), totalCount: 0, idleCount: 0 };
    const outbox = await createOutbox({ store: new PostgresOutboxStore({ pool }), env: {}, config: {} });

    expect(await rejection(outbox.send(pool, 'math.add', [1]))).to.satisfy(code('ERR_TRANSACTION_REQUIRED'));
  });
});
