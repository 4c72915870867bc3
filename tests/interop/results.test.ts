/** Results between Python's Celery and us, both ways, over both stores: values, errors, states. */
import { writeFile } from 'node:fs/promises';

import { resultsOf, TaskError } from '@celeriac/publisher';
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, rejection, WatchedPublisher, WatchedWorker } from '../support/clients.js';
import { registerResults } from '../support/node-tasks.js';
import { pythonReads, PythonWorker, requireCelery } from '../support/python.js';
import { Redis, requireRedis } from '../support/redis.js';
import { waitFor } from '../support/wait-for.js';

const timeout = '150s';

async function failure(result: Promise<unknown>): Promise<TaskError> {
  const error = await rejection(result);
  if (error instanceof TaskError) return error;
  throw error;
}

for (const kind of ['rpc', 'redis'] as const) {
  describe(`results by ${kind}://`, function () {
    const opened: AsyncDisposable[] = [];
    let vhost: Vhost;
    let backend = 'rpc://';
    let python: PythonWorker;
    let client: WatchedPublisher;

    before(async function () {
      requireRabbit(this);
      requireCelery(this);
      requireRedis(this);
      if (kind === 'redis') {
        const redis = await Redis.start();
        opened.push(redis);
        backend = redis.url;
      }
      vhost = await Vhost.create();
      opened.push(vhost);
      const tasks = { compatibility: 'celery', result_backend: backend, track_started: true } as const;
      const config = configFor(vhost.url, { tasks, task_handler: { queues: ['node'] } });
      const node = new WatchedWorker(config);
      opened.push(node);
      registerResults(node.worker);
      const env = { INTEROP_BACKEND: backend };
      const [worker] = await Promise.all([
        PythonWorker.start(vhost.url, { app: 'results_app', env }),
        node.worker.start(),
      ]);
      python = worker;
      opened.push(python);
      client = await WatchedPublisher.open(config);
      opened.push(client);
    });

    after(async () => {
      for (const one of opened.reverse()) await one[Symbol.asyncDispose]();
    });

    it('of Python are read as what they are, also what looks like a state, and null', async () => {
      const names = ['number', 'look-alike', 'none', 'text', 'big', 'nested'];
      const receipts = await client.publisher.sendMany(
        'results.give',
        names.map((name) => [name]),
      );

      const values = await Promise.all(receipts.map((receipt) => receipt.result({ timeout })));

      expect(values).to.deep.equal([
        42,
        { status: 'STARTED', result: 1 },
        null,
        'åß漢😀',
        2n ** 80n,
        [[1, [2, { a: [null, true, 1.5] }]], {}],
      ]);
    });

    it('of Python that failed say what was raised, and where', async () => {
      const receipt = await client.publisher.send('results.fail', ['boom', 42]);
      const error = await failure(receipt.result({ timeout }));

      expect(error).to.include({ code: 'ERR_TASK_FAILED', excType: 'ValueError', excModule: 'builtins' });
      expect(error.excArgs).to.deep.equal(['boom', 42]);
      expect(error.traceback).to.match(/^Traceback[^]*ValueError/u);
      const unknown = await client.publisher.send('results.nobody-has-this');
      expect(await rejection(unknown.result({ timeout }))).to.include({ excType: 'NotRegistered' });
      const again = await client.publisher.send('results.again');
      expect(await again.result({ timeout })).to.equal(1);
    });

    it('of Python are preceded by its states, none of which is taken for the result', async () => {
      const until = python.path(`until-${kind}`);
      const receipt = await client.publisher.send('results.hold', [until]);
      const result = receipt.result({ timeout });
      const told = await waitFor(async () => {
        const status = await receipt.status();
        return status.state === 'PROGRESS' ? status : undefined;
      });
      await writeFile(until, '');

      expect(told).to.deep.include({ state: 'PROGRESS', isReady: false, meta: { done: 1 } });
      expect(await result).to.equal('held');
      expect(await receipt.status()).to.include({ state: 'SUCCESS', value: 'held' });
    });

    it('of ours are read by Python: values, errors it can raise, STARTED before, a retry in between', async () => {
      const names = ['number', 'look-alike', 'none', 'text', 'big', 'nested', 'date', 'type-error'];
      const more = ['own-error', 'text-thrown', 'function', 'again', 'unknown'];
      const calls = [...names, ...more].map((name) => [`node.${name}`, []] as const);

      const read = await pythonReads(vhost.url, { backend, queue: 'node', calls: calls as never });

      const by = new Map(read.map((one, index) => [calls[index]?.[0].slice(5), one]));
      expect(names.slice(0, 7).map((name) => by.get(name)?.value)).to.deep.equal([
        42,
        { status: 'STARTED', result: 1 },
        null,
        'åß漢😀',
        2n ** 80n,
        [[1, [2, { a: [null, true, 1.5] }]], {}],
        '2031-02-03T00:00:00.000Z',
      ]);
      expect(by.get('type-error')).to.deep.include({
        type: 'TypeError',
        module: 'builtins',
        args: ['wrong'],
      });
      expect(by.get('type-error')?.traceback).to.match(/^TypeError: wrong\n\s+at /u);
      expect(by.get('own-error')).to.deep.include({
        type: 'OutOfStock',
        args: ['none left'],
        state: 'FAILURE',
      });
      expect(by.get('text-thrown')).to.deep.include({ type: 'Exception', args: ['just text'] });
      expect(by.get('function')).to.include({ type: 'EncodeError', state: 'FAILURE' });
      expect(by.get('unknown')).to.deep.include({ type: 'NotRegistered', args: ['node.unknown'] });
      expect(by.get('again')).to.include({ state: 'SUCCESS', value: 2 });
      expect(by.get('number')?.states.at(-1)).to.equal('SUCCESS');
      expect(new Set(read.flatMap(({ states }) => states))).to.include.all.keys('STARTED', 'RETRY');
    });

    it('of a hundred Python tasks come one by one, in the order in which they end', async () => {
      const inputs = Array.from({ length: 100 }, () => ['number']);
      const receipts = await client.publisher.sendMany('results.give', inputs);
      let sum = 0;
      for await (const one of resultsOf(receipts, { timeout })) {
        if (one.status === 'fulfilled') sum += one.value as number;
      }
      expect(sum).to.equal(4200);
    });
  });
}
