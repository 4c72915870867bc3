/** Sending tasks: queue, defaults, validation, the retry after a deleted queue. Recorded publishes, no broker. */
import { expect } from 'chai';

import { loadConfig } from '../../dist/config/load.js';
import type { ConfigInput } from '../../dist/config/input.js';
import { inputHeader } from '../../dist/contract/call.js';
import { defineTask } from '../../dist/contract/task.js';
import { CeleriacError, type ErrorCode } from '../../dist/errors.js';
import type { OutgoingMessage, PublishOptions } from '../../dist/ports.js';
import { BrokerTaskSender, type TaskSenderParts, taskTopology } from '../../dist/task-sender.js';
import { ManualClock } from '../support/manual-clock.js';

const charge = defineTask({
  name: 'billing.charge',
  input: { type: 'object', properties: { amount: { type: 'integer' } }, required: ['amount'] } as const,
  queue: 'billing',
  priority: 3,
});

describe('BrokerTaskSender', () => {
  let published: { message: OutgoingMessage; options: PublishOptions }[];
  let calls: string[];
  let clock: ManualClock;
  /** What the next publishes end with; then they succeed. */
  let failures: (ErrorCode | undefined)[];

  beforeEach(() => {
    published = [];
    calls = [];
    failures = [];
    clock = new ManualClock();
  });

  async function sender(
    config: ConfigInput = {},
    more: Partial<TaskSenderParts> = {},
  ): Promise<BrokerTaskSender> {
    const publish = async (message: OutgoingMessage, options: PublishOptions = {}): Promise<void> => {
      published.push({ message, options });
      await clock.advance(1000);
      const code = failures.shift();
      if (code !== undefined) throw new CeleriacError(code, { message: 'no.' });
    };
    const declarer = {
      ensure: (key: string) => void calls.push(`ensure ${key}`),
      forget: (key: string) => void calls.push(`forget ${key}`),
    };
    return new BrokerTaskSender({
      config: await loadConfig(config, { env: {} }),
      sink: { publish },
      declarer,
      clock,
      newId: () => 'new-id',
      origin: 'gen1@host',
      ...more,
    });
  }
  async function failure(sending: Promise<unknown>): Promise<unknown> {
    return sending.then(
      () => 'it was sent',
      (error: unknown) => (error as CeleriacError).code,
    );
  }
  const queues = (): string[] => published.map(({ message }) => message.routingKey);

  it("sends to the call's queue, else the contract's, else the route's, else the default", async () => {
    const tasks = await sender({ tasks: { default_queue: 'rest', routes: { 'billing.*': 'routed' } } });
    await tasks.send(charge, { amount: 1 }, { queue: 'urgent' });
    await tasks.send(charge, { amount: 1 });
    await tasks.send('billing.refund');
    const receipt = await tasks.send('other');

    expect(queues()).to.deep.equal(['urgent', 'billing', 'routed', 'rest']);
    expect(receipt).to.deep.equal({ id: 'new-id', exchange: '', routingKey: 'rest' });
  });

  it("lets the call's options win over the contract's", async () => {
    const tasks = await sender();
    await tasks.send(charge, { amount: 1 });
    await tasks.send(charge, { amount: 1 }, { priority: 9 });

    expect(published.map(({ message }) => message.properties.priority)).to.deep.equal([3, 9]);
  });

  it('publishes nothing that does not fit its contract', async () => {
    const tasks = await sender();
    const wrong = { amount: 'much' } as unknown as { amount: number };

    expect(await failure(tasks.send(charge, wrong))).to.equal('ERR_INPUT_INVALID');
    expect(await failure(tasks.send('t', () => undefined))).to.equal('ERR_NOT_SERIALIZABLE');
    expect(published).to.deep.equal([]);
  });

  it('marks a single value, so that it is not taken for a list of one', async () => {
    const tasks = await sender();
    await tasks.send(defineTask({ name: 'one' }), 5);
    await tasks.send(defineTask({ name: 'one' }), [5]);

    const marks = published.map(({ message }) => message.properties.headers?.[inputHeader]);
    expect(marks).to.deep.equal(['value', undefined]);
    expect(published.map(({ message }) => message.body.toString().slice(0, 7))).to.deep.equal([
      '[[5],{}',
      '[[5],{}',
    ]);
  });

  it('names the reply queue, expects the reply before it publishes, and no more what was not sent', async () => {
    const replies = {
      replyTo: 'mine',
      prepare: () => void calls.push('prepare reply'),
      expect: (id: string) => void calls.push(`expect ${id}`),
      withdraw: (id: string) => void calls.push(`withdraw ${id}`),
    };
    const tasks = await sender({ tasks: { result_backend: 'rpc://' } }, { replies });
    failures = [undefined, 'ERR_PUBLISH_REFUSED'];
    await tasks.send('a');
    void published[0]?.message.prepare?.();
    expect(await failure(tasks.send('a'))).to.equal('ERR_PUBLISH_REFUSED');
    await tasks.send('a', [], { ignoreResult: true });

    const [kept, , ignored] = published.map(({ message: { properties } }) => properties);
    expect(kept).to.include({ replyTo: 'mine' });
    expect(kept?.headers).to.include({ ignore_result: false });
    expect(ignored).to.include({ replyTo: '' });
    expect(ignored?.headers).to.include({ ignore_result: true });
    expect(calls.filter((call) => !call.startsWith('ensure'))).to.deep.equal([
      'expect new-id',
      'prepare reply',
      'expect new-id',
      'withdraw new-id',
    ]);
  });

  it('adds keyword arguments to positional ones for a bare name', async () => {
    const tasks = await sender();
    await tasks.send('t', [1], { kwargs: { b: 2 } });

    expect(published[0]?.message.body.toString()).to.match(/^\[\[1\],\{"b":2\},/u);
  });

  it('carries the lineage of the task it sends for', async () => {
    const tasks = await sender({}, { parent: { id: 'p', rootId: 'r' } });
    await tasks.send('t');

    expect(published[0]?.message.properties.headers).to.include({ parent_id: 'p', root_id: 'r' });
  });

  it('has its queue declared before every attempt', async () => {
    const tasks = await sender();
    await tasks.send(charge, { amount: 1 });
    void published[0]?.message.prepare?.();

    expect(calls).to.deep.equal(['ensure billing']);
  });

  it('declares a deleted queue again and sends once more, under the same id and within the deadline', async () => {
    failures = ['ERR_PUBLISH_UNROUTABLE'];
    const tasks = await sender();
    await tasks.send('t', 1, { timeout: 10 });

    expect(calls).to.deep.equal(['forget celeriac']);
    expect(published.map(({ message }) => message.properties.messageId)).to.deep.equal(['new-id', 'new-id']);
    expect(published.map(({ options }) => options.timeoutMs)).to.deep.equal([10_000, 9000]);
  });

  it('sends a delayed task into the delay queues, with its moment in the receipt', async () => {
    const tasks = await sender();
    const eta = new Date(clock.now() + 5001);
    const receipt = await tasks.send(charge, { amount: 1 }, { eta, expires: '1h' });

    const [{ message }] = published as [(typeof published)[0]];
    expect(receipt).to.deep.equal({
      id: 'new-id',
      exchange: 'celery_delayed_2',
      routingKey: `${'0.'.repeat(25)}1.1.0.billing`,
      eta,
    });
    expect(message).to.include({ exchange: receipt.exchange, routingKey: receipt.routingKey });
    expect(message.properties.headers).to.include({ eta: '2026-01-01T00:00:05.001000+00:00' });
    expect(message.properties).not.to.have.property('expiration');
    void message.prepare?.();
    expect(calls[0]).to.equal('ensure billing');
    expect(calls.slice(1, -1)).to.deep.equal(
      Array.from({ length: 28 }, (_, level) => `ensure delayed delivery ${level}`),
    );
    expect(calls.at(-1)).to.equal('ensure delayed delivery to billing');
  });

  it('sends at once what has no delay left', async () => {
    const tasks = await sender();
    const past = new Date(clock.now() - 1);
    for (const options of [{ delay: 0 }, { countdown: '0s' }, { eta: past }]) {
      const receipt = await tasks.send('t', [], options);
      expect(receipt).to.deep.equal({ id: 'new-id', exchange: '', routingKey: 'celeriac' });
    }
    expect(published.map(({ message }) => message.properties.headers?.eta)).to.deep.equal([
      null,
      null,
      '2025-12-31T23:59:59.999000+00:00',
    ]);
  });

  it("takes the contract's delay unless the call says when, in whatever word", async () => {
    const tasks = await sender();
    const later = defineTask({ name: 'later', delay: '1m' });
    const dues: (number | undefined)[] = [];
    const options = [
      {},
      { delay: 2 },
      { countdown: 3 },
      { eta: new Date(clock.now() + 60_000) },
      { delay: 0 },
    ];
    for (const one of options) {
      const before = clock.now();
      const { eta } = await tasks.send(later, [], one);
      dues.push(eta === undefined ? undefined : eta.getTime() - before);
    }
    expect(dues).to.deep.equal([60_000, 2000, 3000, 57_000, undefined]);
  });

  for (const missing of ['ERR_PUBLISH_UNROUTABLE', 'ERR_EXCHANGE_NOT_FOUND'] as const) {
    it(`declares the whole way again after ${missing}, once`, async () => {
      failures = [missing];
      const tasks = await sender();
      await tasks.send('t', 1, { delay: 10 });

      expect(calls).to.include.members([
        'forget celeriac',
        'forget delayed delivery 0',
        'forget delayed delivery 27',
        'forget delayed delivery to celeriac',
      ]);
      expect(published).to.have.length(2);
    });
  }

  it('gives up when the queue takes nothing the second time, and on anything else at once', async () => {
    failures = ['ERR_PUBLISH_UNROUTABLE', 'ERR_PUBLISH_UNROUTABLE', 'ERR_PUBLISH_NACKED'];
    const tasks = await sender();

    expect(await failure(tasks.send('t'))).to.equal('ERR_PUBLISH_UNROUTABLE');
    expect(published).to.have.length(2);
    expect(await failure(tasks.send('t'))).to.equal('ERR_PUBLISH_NACKED');
    expect(published).to.have.length(3);
  });

  it('takes the deadline from the configuration unless the call has one', async () => {
    const tasks = await sender({ tasks: { publish_timeout: '7s' } });
    await tasks.send('t');
    await tasks.send('t', 1, { timeout: '1m' });

    expect(published.map(({ options }) => options.timeoutMs)).to.deep.equal([7000, 60_000]);
    expect(await failure(tasks.send('t', 1, { timeout: 'soon' }))).to.equal('ERR_INPUT_INVALID');
  });

  it('gives each of many its own id, and its receipts in order', async () => {
    let count = 0;
    const tasks = await sender({}, { newId: () => `id${count++}` });
    const receipts = await tasks.sendMany('t', [1, 2, 3]);

    expect(receipts.map(({ id }) => id)).to.deep.equal(['id0', 'id1', 'id2']);
  });
});

describe('taskTopology', () => {
  it('is a quorum queue that dead-letters, or in Celery mode what Celery declares', async () => {
    const ours = taskTopology(await loadConfig({}, { env: {} }), 'q');
    const celery = taskTopology(await loadConfig({ tasks: { compatibility: 'celery' } }, { env: {} }), 'q');
    const main = (topology: typeof ours) => topology.queues.find(({ name }) => name === 'q')?.arguments;

    expect(main(ours)).to.include({ 'x-queue-type': 'quorum', 'x-dead-letter-routing-key': 'q.dead-letter' });
    expect(main(celery)).to.deep.equal({});
    expect(celery.bindings).to.deep.equal([{ queue: 'q', exchange: 'q', routingKey: 'q' }]);
    for (const topology of [ours, celery]) {
      expect(topology.queues.map(({ name }) => name)).to.include('q.dead-letter');
    }
  });
});
