/** `explainTask` and `celeriac explain`, over RabbitMQ and Redis: a task wherever it can be, and one that nobody knows. */
import { fileURLToPath } from 'node:url';

import { type ConfigInput, type Explanation, explainTask } from '@celeriac/core';
import { createPublisher } from '@celeriac/publisher';
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, gate, WatchedWorker } from '../support/clients.js';
import { start } from '../support/processes.js';
import { Redis, requireRedis } from '../support/redis.js';
import { waitFor } from '../support/wait-for.js';

const main = fileURLToPath(new URL('../../../packages/cli/dist/main.js', import.meta.url));

describe('a task that is explained', function () {
  let redis: Redis;

  before(async function () {
    requireRabbit(this);
    requireRedis(this);
    redis = await Redis.start();
  });
  after(async () => {
    await redis[Symbol.asyncDispose]();
  });

  const ask = (id: string, config: ConfigInput, search = 0): Promise<Explanation> =>
    explainTask(id, { config, env: {}, timeout: '20s', workers: '500ms', search });
  const states = ({ places }: Explanation): readonly string[] => places.map(({ state }) => state);
  const configOf = ({ url }: Vhost, extra: ConfigInput = {}): ConfigInput =>
    configFor(url, { ...extra, tasks: { ...extra.tasks, result_backend: redis.url } });

  it('runs on a worker, waits in its hands, or has ended', async () => {
    await using vhost = await Vhost.create();
    const config = configOf(vhost, { task_handler: { concurrency: 1, prefetch_count: 5 } });
    await using publisher = await createPublisher({ config, env: {} });
    await using watched = new WatchedWorker(config);
    const open = gate();
    watched.worker.task('slow', () => open.opened);
    await watched.worker.start();
    const [first, second] = [await publisher.send('slow', []), await publisher.send('slow', [])];
    await waitFor(() => watched.started.length === 1);
    await waitFor(async () => states(await ask(second.id, config))[0] === 'reserved');

    const running = await ask(first.id, config);
    expect(running.places[0]).to.deep.include({ state: 'running', name: 'slow' });
    expect(running.places[0]?.text).to.match(/^runs on \S+ since 20/u);

    open.open();
    await watched.untilSettled(2);
    const ended = await ask(first.id, config);
    expect(states(ended)).to.deep.equal(['finished']);
    expect(ended.places[0]?.text).to.match(/^ended with SUCCESS at 20/u);
  });

  it('is dead-lettered with its reason, its attempts and who sent it', async () => {
    await using vhost = await Vhost.create();
    const config = configOf(vhost);
    await using publisher = await createPublisher({ config, env: {} });
    await using watched = new WatchedWorker(config);
    watched.worker.task('fails', () => {
      throw new Error('no such thing');
    });
    await watched.worker.start();
    const { id } = await publisher.send('fails', []);
    await watched.untilSettled(1);

    const { places } = await ask(id, config);
    expect(places.map(({ state }) => state)).to.deep.equal(['finished', 'dead-lettered']);
    expect(places[0]?.text).to.contain('ended with FAILURE').and.contain('no such thing');
    expect(places[1]?.text).to.match(
      /^dead-lettered in celeriac\.dead-letter: failed after 1 attempt at .*\(no such thing\)$/u,
    );
    expect(places[1]?.facts).to.deep.include({ language: 'js', retries: 0, rootId: id, reason: 'failed' });
    expect(places[1]?.facts.sentBy).to.match(/^gen\d+@/u);
  });

  it('is found where it waits only by who wants it to be looked for, and comes nevertheless', async () => {
    await using vhost = await Vhost.create();
    const config = configOf(vhost);
    await using publisher = await createPublisher({ config, env: {} });
    await publisher.send('adds', [1]);
    const waiting = await publisher.send('adds', [2]);
    const delayed = await publisher.send('adds', [3], { delay: '4s' });
    const far = await publisher.send('adds', [4], { delay: '1h' });

    const unseen = await ask(waiting.id, config);
    expect(unseen.places).to.deep.equal([]);
    expect(unseen.asked.find(({ source }) => source === 'queues')?.said).to.match(
      /^not looked into: celeriac \(\d\)/u,
    );

    const seen = await ask(waiting.id, config, 100);
    expect(seen.places[0]?.text).to.equal('waits in celeriac, behind 1');
    const later = await ask(far.id, config, 100);
    expect(later.places[0]?.text).to.match(/^delayed in celery_delayed_11 until 20/u);
    expect((await ask(delayed.id, config, 100)).places).to.have.length(1); // it may be due by now

    await using watched = new WatchedWorker(config);
    const ran: number[] = [];
    watched.worker.task('adds', (number: number) => void ran.push(number));
    await watched.worker.start();
    await watched.untilSettled(3);
    expect(ran.sort()).to.deep.equal([1, 2, 3]);
  });

  it('is cancelled as long as a worker remembers it', async () => {
    await using vhost = await Vhost.create();
    const config = configOf(vhost);
    await using publisher = await createPublisher({ config, env: {} });
    await using watched = new WatchedWorker(config);
    watched.worker.task('later', () => 1);
    await watched.worker.start();
    const { id } = await publisher.send('later', [], { delay: '1h' });
    await publisher.cancel(id);

    expect(states(await ask(id, config))).to.deep.equal(['cancelled']);
  });

  it('that nobody knows costs exit code 1, and who was asked is told', async () => {
    await using vhost = await Vhost.create();
    const env = { PATH: process.env.PATH, CELERIAC_EVENTS__CONNECTION_STRING: vhost.url };
    const running = start(process.execPath, [main, 'explain', 'no-such-id', '--workers', '200ms'], { env });

    expect(await running.exited, running.output()).to.equal(1);
    expect(running.output())
      .to.match(/nobody who was asked knows of it/u)
      .and.match(/^ {2}workers: none answers$/mu)
      .and.match(/^ {2}results: not kept where they can be asked for/mu)
      .and.match(/^ {2}dead letters: there are none$/mu);
  });

  it('is told also where some cannot be asked', async () => {
    const config = configFor('amqp://guest@127.0.0.1:1//');
    const { places, asked } = await explainTask('x', { config, env: {}, timeout: '500ms', workers: '100ms' });

    expect(places).to.deep.equal([]);
    expect(asked.filter(({ hasFailed }) => hasFailed).map(({ source }) => source)).to.include('workers');
  });
});
