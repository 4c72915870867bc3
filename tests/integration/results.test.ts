/** Results from end to end: many at once, none left over, none replaced; states, pools, and what is too large. */
import { fileURLToPath } from 'node:url';

import { startBroker } from '@celeriac/dev-broker';
import { defineTask, type Receipt, resultsOf } from '@celeriac/publisher';
import { currentTask, type TaskContext, type Worker } from '@celeriac/worker';
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, gate, rejection, WatchedPublisher, WatchedWorker } from '../support/clients.js';
import { start } from '../support/processes.js';
import { Redis, requireRedis } from '../support/redis.js';
import { waitFor } from '../support/wait-for.js';

const timeout = '100s';
const sum = defineTask({ name: 'sum', output: { type: 'integer' } });
const context = (): TaskContext => currentTask() as TaskContext;

/** `hold` runs until its gate is open; `once` succeeds at first and fails the second time. */
function register(worker: Worker, opened: Promise<void>): void {
  let runs = 0;
  worker.task('sum', (a: number, b: number) => a + b);
  worker.task('hold', async () => {
    context().progress({ done: 1 });
    await opened;
    return 'held';
  });
  worker.task('once', () => {
    runs++;
    if (runs > 1) throw new Error('not again');
    return 'first';
  });
  worker.task('large', (bytes: number) => 'x'.repeat(bytes));
  worker.task('parent', async () => {
    const { id } = await context().tasks.send('sum', [1, 1]);
    return id;
  });
}

interface Place extends AsyncDisposable {
  readonly url: string;
}

const brokers: Readonly<
  Record<string, { readonly backend: 'rpc' | 'redis'; readonly open: () => Promise<Place> }>
> = {
  'rpc:// over RabbitMQ': { backend: 'rpc', open: () => Vhost.create() },
  'rpc:// over the embedded broker': { backend: 'rpc', open: () => startBroker() },
  'redis://': { backend: 'redis', open: () => startBroker() },
};

for (const [name, { backend, open }] of Object.entries(brokers)) {
  describe(`results by ${name}`, () => {
    const opened: AsyncDisposable[] = [];
    const holding = gate();
    let client: WatchedPublisher;
    let node: WatchedWorker;

    before(async function () {
      requireRabbit(this);
      requireRedis(this);
      const place = await open();
      opened.push(place);
      let address = 'rpc://';
      if (backend === 'redis') {
        const redis = await Redis.start();
        opened.push(redis);
        address = redis.url;
      }
      const tasks = { result_backend: address, track_started: true, max_message_size: '100KiB' } as const;
      const config = configFor(place.url, { tasks, task_handler: { concurrency: 50 } });
      node = new WatchedWorker(config);
      opened.push(node);
      register(node.worker, holding.opened);
      await node.worker.start();
      client = await WatchedPublisher.open(config);
      opened.push(client);
    });

    after(async () => {
      holding.open();
      for (const one of opened.reverse()) await one[Symbol.asyncDispose]();
    });

    it('of a thousand tasks come back, each once and to its own receipt', async () => {
      const inputs = Array.from({ length: 1000 }, (_, index) => [index, index]);
      const receipts = await client.publisher.sendMany(sum, inputs);
      const values = new Map<string, number>();
      for await (const one of resultsOf(receipts, { timeout })) {
        if (one.status === 'rejected') throw one.reason as Error;
        expect(values.has(one.receipt.id)).to.equal(false);
        values.set(one.receipt.id, one.value);
      }
      expect(receipts.map(({ id }) => values.get(id))).to.deep.equal(inputs.map(([index = 0]) => 2 * index));
    });

    it('are preceded by what the task tells; an early reader does not take that for the end', async () => {
      const receipt: Receipt = await client.publisher.send('hold');
      const result = receipt.result({ timeout });
      const seen = await waitFor(async () => {
        const status = await receipt.status();
        return status.state === 'PROGRESS' ? status : undefined;
      });
      expect(seen).to.deep.include({ isReady: false, meta: { done: 1 } });
      expect(await rejection(receipt.result({ timeout: '10ms' }))).to.include({ code: 'ERR_RESULT_TIMEOUT' });
      const leaving = new AbortController();
      const left = rejection(receipt.result({ signal: leaving.signal }));
      leaving.abort(new Error('left'));
      expect(String(await left)).to.equal('Error: left');
      holding.open();
      expect(await result).to.equal('held');
      expect(await receipt.result()).to.equal('held'); // again
    });

    it('that say SUCCESS stay, whatever a second run of the same task comes to', async () => {
      const first = await client.publisher.send('once', []);
      const ended = () => node.settled.filter(({ id }) => id === first.id).length;
      await waitFor(() => ended() === 1);
      await client.publisher.send('once', [], { id: first.id });
      await waitFor(() => ended() === 2);
      expect(node.settled.findLast(({ id }) => id === first.id)?.verdict.kind).to.equal('deadLetter');
      expect(await first.result({ timeout })).to.equal('first');
    });

    it('that are too large become a failure that says so, and the task is done', async () => {
      const receipt = await client.publisher.send('large', [200 * 1024]);
      const error = await rejection(receipt.result({ timeout }));
      expect(error).to.include({ code: 'ERR_TASK_FAILED', excType: 'EncodeError' });
      const settled = await waitFor(() => node.settled.find(({ id }) => id === receipt.id));
      expect(settled.verdict.kind).to.equal('ack');
    });

    it('know the tasks that their task has sent', async () => {
      const receipt = await client.publisher.send('parent');
      const child = await receipt.result({ timeout });
      expect((await receipt.children()).map(({ id }) => id)).to.deep.equal([child]);
    });

    it('that nobody wants cannot be waited for', async () => {
      const receipt = await client.publisher.send('sum', [1, 2], { ignoreResult: true });
      expect(await rejection(receipt.result())).to.include({ code: 'ERR_RESULT_DISABLED' });
    });

    if (backend === 'redis') {
      it('are read by anyone who knows the id, until they are forgotten', async () => {
        const { id } = await client.publisher.send('sum', [20, 22]);
        const other = client.publisher.result<number>(id);
        expect(await other.result({ timeout })).to.equal(42);
        await other.forget();
        expect(await client.publisher.result(id).status()).to.include({ state: 'PENDING' });
      });
    } else {
      it('of strangers are not waited for', async () => {
        const error = await rejection(client.publisher.result('stranger').result());
        expect(error).to.include({ code: 'ERR_RESULT_UNKNOWN' });
      });
    }
  });
}

describe('reply queues', () => {
  let vhost: Vhost;

  before(async function () {
    requireRabbit(this);
    vhost = await Vhost.create();
  });
  after(() => vhost[Symbol.asyncDispose]());

  const replyQueues = async (): Promise<readonly string[]> => {
    const table = await vhost.rabbit.ctl('list_queues', '-q', '-p', vhost.name, 'name', 'messages');
    return table.split('\n').filter((line) => line.startsWith('celeriac.reply.'));
  };

  it('are one per publisher that wants results, read to their end, and gone with it', async () => {
    const config = configFor(vhost.url, { tasks: { result_backend: 'rpc://' } });
    await using node = new WatchedWorker(config);
    register(node.worker, Promise.resolve());
    await node.worker.start();
    await using silent = await WatchedPublisher.open(config);
    await silent.publisher.sendMany('sum', Array(20).fill([1, 1]), { ignoreResult: true });
    const client = await WatchedPublisher.open(config);
    await client.publisher.sendMany('sum', Array(200).fill([1, 1]));
    await node.untilSettled(220);

    const queues = await waitFor(async () => {
      const found = await replyQueues();
      return found.every((line) => line.endsWith('\t0')) ? found : undefined;
    });
    expect(queues).to.have.length(1);

    await client.publisher.close();
    expect(await replyQueues()).to.deep.equal([]);
  });

  it('of a process that was killed expire', async () => {
    const program = fileURLToPath(new URL('../support/programs/one-send.js', import.meta.url));
    const running = start(process.execPath, [program, vhost.url, '2']);
    await running.line(/^sent$/u);
    expect(await replyQueues()).to.have.length(1);
    running.kill('SIGKILL');
    await running.exited;
    await waitFor(async () => (await replyQueues()).length === 0, { within: 60_000, every: 500 });
  });

  it('outlive a lost connection: what was replied meanwhile is read after it', async () => {
    const config = configFor(vhost.url, { tasks: { result_backend: 'rpc://', default_queue: 'later' } });
    await using client = await WatchedPublisher.open(config);
    const receipt = await client.publisher.send('sum', [40, 2]);
    const result = receipt.result({ timeout });
    await vhost.rabbit.ctl('close_all_connections', '--vhost', vhost.name, 'test');
    await using node = new WatchedWorker(config);
    register(node.worker, Promise.resolve());
    await node.worker.start();
    expect(await result).to.equal(42);
  });
});
