/** Retries over RabbitMQ: how often, when, what is told, and what a crash in between costs. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { currentTask, defineTask, Reject, Retry, type Retried, type TaskContext } from '@celeriac/worker';
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, WatchedPublisher, WatchedWorker } from '../support/clients.js';
import { start } from '../support/processes.js';
import { waitFor } from '../support/wait-for.js';

const program = fileURLToPath(new URL('../support/programs/dying-worker.js', import.meta.url));

interface Attempt {
  readonly attempt: number;
  readonly at: number;
  readonly parent: string | undefined;
}

function attemptNow(): Attempt {
  const { attempt, message } = currentTask() as TaskContext;
  return { attempt, at: Date.now(), parent: message.parentId };
}

describe('retries', function () {
  before(function () {
    requireRabbit(this);
  });

  it("run a failed task again under its contract's policy, then put it aside with all that is known", async () => {
    await using vhost = await Vhost.create();
    await using watched = new WatchedWorker(configFor(vhost.url));
    const contract = defineTask({
      name: 'broken',
      retry: { max: 2, backoff: 'exponential', delay: '1s', jitter: false },
    });
    const attempts: Attempt[] = [];
    const retried: Retried[] = [];
    watched.worker.task(contract, () => {
      attempts.push(attemptNow());
      throw new TypeError('as always');
    });
    watched.worker.on('retried', (one) => retried.push(one));
    await watched.worker.start();
    await using sender = await WatchedPublisher.open(configFor(vhost.url));

    const { id } = await sender.publisher.send(contract, { n: 1 }, { headers: { 'x-own': 'kept' } });
    await watched.untilSettled(3);

    expect(attempts.map(({ attempt, parent }) => [attempt, parent])).to.deep.equal([
      [1, undefined],
      [2, id],
      [3, id],
    ]);
    const [first, second, third] = attempts as [Attempt, Attempt, Attempt];
    expect(second.at - first.at).to.be.within(1000, 3000);
    expect(third.at - second.at).to.be.within(2000, 4000);
    expect(retried.map(({ attempt, of, delayMs }) => [attempt, of, delayMs])).to.deep.equal([
      [1, 3, 1000],
      [2, 3, 2000],
    ]);
    const lines = watched.log.matching(/will be tried again/u);
    expect(lines).to.have.length(2);
    expect(lines[0]).to.include({ level: 'warn', name: 'broken', id, attempt: 1, of: 3, nextIn: 1 });
    const [letter] = await vhost.take('celeriac.dead-letter');
    expect(letter!.properties.headers).to.include({
      id,
      retries: 2,
      'x-own': 'kept',
      'celeriac-reason': 'failed',
      'celeriac-reason-detail': 'exhausted',
      'celeriac-attempts': 3,
      'celeriac-error': 'as always',
    });
    expect(Date.parse(String(letter!.properties.headers!['celeriac-first-time']))).to.be.closeTo(
      first.at,
      1000,
    );
    expect(letter!.content.toString()).to.match(/^\[\[\],\{"n":1\},/u);
  });

  for (const way of ['by its policy', 'by what the handler throws'] as const) {
    it(`come exactly as often as asked for, ${way}, and the last failure tells what went wrong (K08-1)`, async () => {
      await using vhost = await Vhost.create();
      await using watched = new WatchedWorker(configFor(vhost.url));
      const seen: (readonly [attempt: number, retries: number])[] = [];
      const handler = (): void => {
        const { attempt, message } = currentTask() as TaskContext;
        seen.push([attempt, message.retries]);
        const boom = new Error('boom');
        throw way === 'by its policy' ? boom : new Retry({ delay: 0, cause: boom });
      };
      // Without options of its own, `Retry` means three times as well.
      const retry = { max: 3, backoff: 'fixed', delay: 0 } as const;
      watched.worker.task('broken', handler, way === 'by its policy' ? { retry } : {});
      await watched.worker.start();
      await using sender = await WatchedPublisher.open(configFor(vhost.url));

      await sender.publisher.send('broken', []);
      await watched.untilSettled(4);

      expect(seen).to.deep.equal([
        [1, 0],
        [2, 1],
        [3, 2],
        [4, 3],
      ]);
      expect(watched.settled.map(({ verdict }) => verdict.kind)).to.deep.equal([
        'retry',
        'retry',
        'retry',
        'deadLetter',
      ]);
      const [letter, ...others] = await vhost.take('celeriac.dead-letter');
      expect(others).to.deep.equal([]);
      expect(letter?.properties.headers).to.include({
        retries: 3,
        'celeriac-reason-detail': 'exhausted',
        'celeriac-attempts': 4,
        'celeriac-error': 'boom',
      });
    });
  }

  it('are none with a maximum of 0, whatever asks for them (K08-2)', async () => {
    await using vhost = await Vhost.create();
    await using watched = new WatchedWorker(configFor(vhost.url));
    const asking = (): never => {
      throw new Retry({ delay: 0, cause: new Error('boom') });
    };
    const contract = defineTask({ name: 'broken', retry: { max: 5, delay: 0 } });
    watched.worker.task(contract, asking, { retry: { max: 0 } });
    watched.worker.task('bare', asking, { retry: { max: 0 }, retryIf: () => true });
    await watched.worker.start();
    await using sender = await WatchedPublisher.open(configFor(vhost.url));

    await sender.publisher.send(contract, {});
    await sender.publisher.send('bare', []);
    await watched.untilSettled(2);

    expect(watched.settled.map(({ verdict }) => verdict.kind)).to.deep.equal(['deadLetter', 'deadLetter']);
  });

  it('follow what a handler throws and what retryIf answers', async () => {
    await using vhost = await Vhost.create();
    await using watched = new WatchedWorker(configFor(vhost.url));
    const { worker } = watched;
    const ran: string[] = [];
    const once = (name: string, thrown: unknown): void => {
      const { attempt } = currentTask() as TaskContext;
      ran.push(`${name} ${attempt}`);
      if (attempt === 1) throw thrown;
    };
    worker.task('asked', () => once('asked', new Retry({ delay: 0 })));
    worker.task('rejected', () => once('rejected', new Reject('no')), { retry: {} });
    worker.task('never', () => once('never', new RangeError('no')), { retry: { never: ['RangeError'] } });
    worker.task('wished', () => once('wished', new Error('x')), { retryIf: () => '1ms' });
    worker.task('slow', () => once('slow', Object.assign(new Error('busy'), { retryAfter: 2 })), {
      retry: { delay: 0 },
    });
    await worker.start();
    await using sender = await WatchedPublisher.open(configFor(vhost.url));

    for (const name of ['asked', 'rejected', 'never', 'wished', 'slow']) await sender.publisher.send(name);
    await watched.untilSettled(8);

    expect(ran).to.have.members([
      'asked 1',
      'asked 2',
      'rejected 1',
      'never 1',
      'wished 1',
      'wished 2',
      'slow 1',
      'slow 2',
    ]);
    const letters = await vhost.take('celeriac.dead-letter');
    const told = letters.map(({ properties: { headers } }) => [
      headers?.task as unknown,
      headers?.['celeriac-reason'] as unknown,
      headers?.['celeriac-attempts'] as unknown,
    ]);
    expect(told).to.have.deep.members([
      ['rejected', 'rejected', 1],
      ['never', 'failed', 1],
    ]);
    const slow = watched.settled.filter(({ name }) => name === 'slow');
    expect(slow[0]!.verdict).to.include({ kind: 'retry', delayMs: 2000 });
  });

  it('come from the configuration as well, and a soft time limit is a failure like others', async () => {
    await using vhost = await Vhost.create();
    const retry = { max: 1, backoff: 'fixed', delay: '1s' } as const;
    await using watched = new WatchedWorker(
      configFor(vhost.url, { task_handler: { retry, soft_time_limit: '100ms' } }),
    );
    watched.worker.task('slow', async () => {
      const { signal } = currentTask()!;
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      signal.throwIfAborted();
    });
    await watched.worker.start();
    await using sender = await WatchedPublisher.open(configFor(vhost.url));

    await sender.publisher.send('slow');
    const settled = await watched.untilSettled(2);

    expect(settled.map(({ outcome, verdict }) => [outcome.kind, verdict.kind])).to.deep.equal([
      ['timedOut', 'retry'],
      ['timedOut', 'deadLetter'],
    ]);
  });

  it('bring an event back to its application only, with its routing key and its count', async () => {
    await using vhost = await Vhost.create();
    await using watched = new WatchedWorker(configFor(vhost.url));
    const calls: string[] = [];
    watched.worker.application('crm').on(
      'deal.*',
      (event, { attempt, id }) => {
        calls.push(`crm ${event.type} ${attempt} ${id}`);
        throw new Error('boom');
      },
      { retry: { max: 1, backoff: 'fixed', delay: '1s' } },
    );
    watched.worker.application('audit').on('#', () => void calls.push('audit'));
    await watched.worker.start();
    await using sender = await WatchedPublisher.open(configFor(vhost.url));

    const { id } = await sender.publisher.publishEvent('deal.won', { n: 1 });
    await watched.untilSettled(3);

    expect(calls).to.have.members([`crm deal.won 1 ${id}`, `crm deal.won 2 ${id}`, 'audit']);
    const [letter] = await vhost.take('events.crm.dead-letter');
    expect(letter!.properties.headers).to.include({
      'celeriac-attempts': 2,
      'celeriac-exchange': 'celeriac.events',
      'celeriac-routing-key': 'deal.won',
    });
  });
});

describe('a worker that dies between the confirm of a retry and its acknowledgement', function () {
  before(function () {
    requireRabbit(this);
  });

  it('costs a second chain of attempts per crash, and loses nothing', async () => {
    await using vhost = await Vhost.create();
    const directory = await mkdtemp(join(tmpdir(), 'celeriac-retries-'));
    const file = join(directory, 'ran');
    await writeFile(file, '');
    try {
      await using sender = await WatchedPublisher.open(
        configFor(vhost.url, { tasks: { default_queue: 'q' } }),
      );
      const { id } = await sender.publisher.send('flaky');
      const dying = start('node', [program, vhost.url, file]);
      expect(await dying.exited).to.equal('SIGKILL');
      const living = start('node', [program, vhost.url, file, '--live']);
      const ran = async (): Promise<string[]> => (await readFile(file, 'utf8')).trim().split('\n');
      await waitFor(async () => (await ran()).filter((line) => line === `${id} 2`).length === 2, {
        what: 'both chains to end',
      });
      await living.stop();

      // The original twice, and the copy of either.
      expect(await ran()).to.have.members([`${id} 1`, `${id} 1 again`, `${id} 2`, `${id} 2`]);
      expect(await vhost.depth('q')).to.equal(0);
      expect(await vhost.take('q.dead-letter')).to.deep.equal([]);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});
