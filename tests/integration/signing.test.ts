/** Signed messages over a broker: what runs, what does not, and that nothing which was signed is lost on its way. */
import { type ConfigInput, openDeadLetters, systemClock } from '@celeriac/core';
import { createPublisher } from '@celeriac/publisher';
import { currentTask } from '@celeriac/worker';
import type { GetMessage } from 'amqplib';
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, rejection, WatchedPublisher, WatchedWorker } from '../support/clients.js';
import { letters, signedConfig, signing, type SigningInput } from '../support/signing.js';
import { waitFor } from '../support/wait-for.js';

const queue = 'celeriac';
/** A worker that asks for signatures of the web service, and signs with a key of its own. */
const strict: SigningInput = signing('worker', ['main'], { require: true });
const web: SigningInput = signing('main');

interface Scene extends AsyncDisposable {
  readonly vhost: Vhost;
  readonly watched: WatchedWorker;
  readonly sender: WatchedPublisher;
  readonly ran: unknown[];
}

async function scene(
  register?: (worker: WatchedWorker['worker'], ran: unknown[]) => void,
  input: SigningInput = strict,
): Promise<Scene> {
  const vhost = await Vhost.create();
  const watched = new WatchedWorker(signedConfig(vhost.url, input));
  const ran: unknown[] = [];
  watched.worker.task('note', (value: unknown) => void ran.push(value));
  register?.(watched.worker, ran);
  await watched.worker.start();
  const sender = await WatchedPublisher.open(signedConfig(vhost.url, web));
  const close = async (): Promise<void> => {
    await sender[Symbol.asyncDispose]();
    await watched[Symbol.asyncDispose]();
    await vhost[Symbol.asyncDispose]();
  };
  return { vhost, watched, sender, ran, [Symbol.asyncDispose]: close };
}

interface Capture {
  readonly config: ConfigInput;
  /** What it is for; it is taken out before anybody consumes. */
  readonly to?: string;
  /** How far the sender's clock is ahead, milliseconds. */
  readonly aheadMs?: number;
}

/** A message as somebody who may read the queue could copy it. */
async function captured(vhost: Vhost, { config, to = queue, aheadMs = 0 }: Capture): Promise<GetMessage> {
  const clock = { ...systemClock, now: () => Date.now() + aheadMs };
  await using publisher = await createPublisher({ config, env: {}, clock });
  await publisher.send('note', ['copied'], { queue: to });
  const [message] = await vhost.take(to);
  return message!;
}

/** Puts a copy into the queue, with other headers. */
async function put(vhost: Vhost, { content, properties }: GetMessage, headers: object = {}): Promise<void> {
  const { headers: own } = properties;
  await vhost.publish(queue, content, { ...properties, headers: { ...own, ...headers } });
}

describe('signed messages', function () {
  before(function () {
    requireRabbit(this);
  });

  it('run, with a delay and through retries as well, each attempt signed by the worker', async () => {
    const attempts: string[] = [];
    await using s = await scene((worker) => {
      const flaky = (id: number): void => {
        attempts.push(`flaky ${id}`);
        if (attempts.filter((one) => one === `flaky ${id}`).length < 3) throw new Error('not yet');
      };
      worker.task('flaky', flaky, { retry: { max: 3, backoff: 'fixed', delay: '1s' } });
    });
    await s.sender.publisher.send('note', ['now']);
    await s.sender.publisher.send('note', ['later'], { delay: '2s', expires: '1h' });
    await s.sender.publisher.send('flaky', [1]);
    await s.sender.publisher.sendMany('note', [['m1'], ['m2']]);

    await s.watched.untilSettled(7);

    expect(s.ran).to.have.members(['now', 'later', 'm1', 'm2']);
    expect(attempts).to.have.length(3);
    expect(await letters(s.vhost, queue)).to.deep.equal([]);
  });

  it('of a task that a handler sends are signed too, and events reach every application once', async () => {
    await using s = await scene((worker, ran) => {
      worker.task('relay', async (value: string) => {
        const context = currentTask()!;
        await context.tasks.send('note', [`${value} sent on`]);
        await context.events.publishEvent('a.b.c', { id: 1 });
      });
      for (const name of ['one', 'two']) {
        worker.application(name).on(
          'a.b.*',
          (event, context) => {
            ran.push(`${name} ${event.type} ${context.attempt}`);
            if (name === 'two' && context.attempt === 1) throw new Error('again, please');
          },
          { retry: { max: 1, backoff: 'fixed', delay: '1s' } },
        );
      }
    });
    await s.sender.publisher.send('relay', ['it']);

    await s.watched.untilSettled(5);

    expect(s.ran).to.have.members(['it sent on', 'one a.b.c 1', 'two a.b.c 1', 'two a.b.c 2']);
    for (const one of [queue, 'events.one', 'events.two'])
      expect(await letters(s.vhost, one)).to.deep.equal([]);
  });

  it('are refused with their reason, once, when they are unsigned, forged, changed, old, from the future, or elsewhere', async () => {
    await using vhost = await Vhost.create();
    const config = signedConfig(vhost.url, web);
    const hour = 3_600_000;
    // All of them before the first is put there: capturing empties the queue.
    const good = await captured(vhost, { config });
    const refused = [
      await captured(vhost, { config: configFor(vhost.url) }),
      await captured(vhost, { config: signedConfig(vhost.url, signing('old')) }),
      await captured(vhost, { config, to: 'shelf' }),
      await captured(vhost, { config, aheadMs: -25 * hour }),
      await captured(vhost, { config, aheadMs: hour }),
    ];
    const flipped = Buffer.from(good.content);
    flipped[3]! ^= 1;
    for (const message of [...refused, { ...good, content: flipped }]) await put(vhost, message);
    await put(vhost, good, { task: 'other' });
    await put(vhost, good, { 'celeriac-signature-time': String(Date.now() + 1) });
    await put(vhost, good);
    await using watched = new WatchedWorker(signedConfig(vhost.url, strict));
    const ran: unknown[] = [];
    watched.worker.task('note', (value: unknown) => void ran.push(value));
    await watched.worker.start();

    await watched.untilSettled(9);

    expect(ran).to.deep.equal(['copied']);
    const reasons = (await letters(vhost, queue)).map(([, reason, detail]) => [reason, detail]);
    expect(reasons).to.have.deep.members(
      [
        'unsigned',
        'unknown-key',
        ...Array.from({ length: 4 }, () => 'bad-signature'),
        'expired-window',
        'expired-window',
      ].map((detail) => ['signature', detail]),
    );
    expect(await vhost.depth(queue)).to.equal(0);
    expect(watched.restored).to.deep.equal([1]);
  });

  it('are accepted once: of a thousand copies none runs again, of a delivery that the broker repeats it does', async () => {
    await using s = await scene();
    const { vhost } = s;
    await s.watched.worker.stop();
    await s.sender.publisher.send('note', ['copied']);
    const [good] = await vhost.take(queue);
    await using again = new WatchedWorker(
      signedConfig(vhost.url, strict, { task_handler: { concurrency: 50 } }),
    );
    const ran: unknown[] = [];
    again.worker.task('note', (value: unknown) => void ran.push(value));
    await again.worker.start();
    const channel = await (await vhost.raw()).createConfirmChannel();
    const options = { ...good!.properties, headers: good!.properties.headers } as never;
    for (let copy = 0; copy < 1_000; copy++) channel.sendToQueue(queue, good!.content, options);
    await channel.waitForConfirms();

    await again.untilSettled(1_000);

    expect(ran).to.deep.equal(['copied']);
    const reasons = new Set(
      (await letters(vhost, queue)).map(([, reason, detail]) => `${String(reason)} ${String(detail)}`),
    );
    expect([...reasons]).to.deep.equal(['signature replayed']);
  });

  it('that a stopped worker gives back, or a lost connection returns, run afterwards', async () => {
    let release: () => void = () => undefined;
    await using s = await scene((worker, ran) => {
      worker.task('slow', async (value: string) => {
        ran.push(value);
        if (ran.length === 1) await new Promise<void>((resolve) => (release = resolve));
      });
    });
    await s.sender.publisher.send('slow', ['once more']);
    await waitFor(() => s.ran.length === 1);
    await s.vhost.rabbit.ctl('close_all_connections', '-p', s.vhost.name, 'test');
    await waitFor(() => s.watched.log.matching(/still runs here/u).length === 1);
    release();
    await waitFor(() => s.ran.length === 2);

    await waitFor(async () => (await s.vhost.depth(queue)) === 0);
    expect(await letters(s.vhost, queue)).to.deep.equal([]);
    expect(s.ran).to.deep.equal(['once more', 'once more']);
  });

  it('put back from the dead letters are signed anew when they verify, and forgeries only when somebody vouches', async () => {
    let isBroken = true;
    await using s = await scene((worker, ran) => {
      worker.task(
        'fragile',
        (value: string) => {
          if (isBroken) throw new Error('broken');
          ran.push(value);
        },
        { retry: { max: 1, backoff: 'fixed', delay: '1s' } },
      );
    });
    await s.sender.publisher.send('fragile', ['mended']);
    await s.watched.untilSettled(2);
    isBroken = false;
    await put(s.vhost, await captured(s.vhost, { config: configFor(s.vhost.url), to: 'shelf' }));
    await s.watched.untilSettled(3);
    await using operator = await openDeadLetters({ config: signedConfig(s.vhost.url, strict), env: {} });

    const first = await operator.requeue(queue);
    await s.watched.untilSettled(5);
    expect(first).to.include({ requeued: 2, signed: 1, unverified: 1 });
    expect(s.ran).to.deep.equal(['mended']);
    const second = await operator.requeue(queue, {}, { vouch: true });
    await s.watched.untilSettled(6);

    expect(second).to.include({ requeued: 1, signed: 1, unverified: 0 });
    expect(s.ran).to.deep.equal(['mended', 'copied']);
  });

  it('are not accepted by a worker that could not sign its retries: it does not start', async () => {
    await using vhost = await Vhost.create();
    const { sign_with: _own, ...verifyOnly } = signing('main');
    await using watched = new WatchedWorker(signedConfig(vhost.url, verifyOnly));
    watched.worker.task('note', () => 0);

    expect((await rejection(watched.worker.start())).code).to.equal('ERR_SIGNING_KEY');
  });
});
