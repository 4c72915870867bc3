/** Operating the event bus: a slow application, named groups of queues, pausing, lag, dead letters. */
import type { ConfigInput } from '@celeriac/core';
import { type Acknowledging, openApplications, openDeadLetters } from '@celeriac/worker';
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, gate, rejection, WatchedPublisher, WatchedWorker } from '../support/clients.js';
import { waitFor } from '../support/wait-for.js';

/** One broker, and who publishes to it. */
class Bus implements AsyncDisposable {
  readonly vhost: Vhost;
  readonly config: ConfigInput;
  #sender: WatchedPublisher;

  private constructor(vhost: Vhost, config: ConfigInput, sender: WatchedPublisher) {
    this.vhost = vhost;
    this.config = config;
    this.#sender = sender;
  }

  static async open(extra: ConfigInput = {}): Promise<Bus> {
    const vhost = await Vhost.create();
    const config = configFor(vhost.url, extra);
    return new Bus(vhost, config, await WatchedPublisher.open(config));
  }

  worker(extra: ConfigInput = {}): WatchedWorker {
    return new WatchedWorker(configFor(this.vhost.url, { ...this.config, ...extra }));
  }

  async publish(type: string, from: number, to: number): Promise<void> {
    for (let n = from; n <= to; n++) await this.#sender.publisher.publishEvent(type, { n });
  }

  applications() {
    return openApplications({ config: this.config, env: {} });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sender[Symbol.asyncDispose]();
    await this.vhost[Symbol.asyncDispose]();
  }
}

const numberOf = ({ data }: { data: unknown }): number => (data as { n: number }).n;
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

describe('applications of one event handler', function () {
  before(function () {
    requireRabbit(this);
  });

  it('do not wait for one another: a stuck one holds its own prefetch, by its group, and no more', async () => {
    await using bus = await Bus.open({
      event_handler: {
        prefetch_count: 5,
        workers: {
          hooks: { queue_prefix: 'events.hook', prefetch_count: 2 },
          others: { queue_prefix: 'events.' },
        },
      },
    });
    await using watched = bus.worker();
    const stuck = gate();
    const [fast, begun]: [number[], string[]] = [[], []];
    watched.worker.application('hooks').on('a.#', () => (begun.push('hooks'), stuck.opened));
    watched.worker.application('slow').on('a.#', () => (begun.push('slow'), stuck.opened));
    watched.worker.application('fast').on('a.#', (event) => fast.push(numberOf(event)));
    const { applications } = await watched.worker.start();

    await bus.publish('a.b', 1, 12);

    await waitFor(() => fast.length === 12 && begun.length === 7);
    expect(begun.filter((who) => who === 'hooks')).to.have.length(2);
    expect(applications.map(({ name, prefetch }) => [name, prefetch])).to.deep.equal([
      ['hooks', 2],
      ['slow', 5],
      ['fast', 5],
    ]);
    stuck.open();
    await watched.untilSettled(36);
  });

  it('are held up one by one by a pause, on every handler, over a restart; nothing is lost', async () => {
    await using bus = await Bus.open();
    await using operator = await bus.applications();
    const [held, other]: [number[], number[]] = [[], []];
    const handler = (): WatchedWorker => {
      const watched = bus.worker();
      watched.worker.application('held').on('a.#', (event) => held.push(numberOf(event)));
      watched.worker.application('other').on('a.#', (event) => other.push(numberOf(event)));
      return watched;
    };
    await using first = handler();
    const second = handler();
    await Promise.all([first.worker.start(), second.worker.start()]);
    expect(await bus.vhost.consumers('events.held')).to.equal(2);

    const paused = await operator.pause('held');

    expect(paused).to.include({ name: 'held', handlers: 2, pausedHandlers: 2 });
    expect(await bus.vhost.consumers('events.held')).to.equal(0);
    expect(first.worker.health()).to.deep.include({ ready: true, reasons: [] });
    expect(first.worker.health()?.queues).to.deep.include({
      queue: 'events.held',
      consuming: false,
      paused: true,
    });
    await first.worker.quiet();
    await first.worker.resume(); // which is for the worker, not for the application
    await second.worker.stop();
    await using third = handler();
    await third.worker.start();
    await bus.publish('a.b', 1, 5);
    await waitFor(() => other.length === 5);
    expect(held).to.deep.equal([]);
    const [report] = await operator.reports();
    expect(report).to.deep.include({
      name: 'held',
      lag: 5,
      waiting: 5,
      inHand: 0,
      handlers: 2,
      pausedHandlers: 2,
    });
    expect(report?.pausedAt).to.equal(paused.pausedAt);

    const resumed = await operator.resume('held');

    expect(resumed).to.not.have.property('pausedAt');
    expect(resumed).to.include({ handlers: 2, pausedHandlers: 0 });
    await waitFor(() => held.length === 5);
    expect([...held].sort()).to.deep.equal(upTo(5));
  });

  it('heed a pause that they could not hear once their connection was away', async () => {
    await using bus = await Bus.open();
    await using operator = await bus.applications();
    await using watched = bus.worker({ task_handler: { remote_control: 'off' } });
    watched.worker.application('app').on('a.#', () => undefined);
    await watched.worker.start();
    expect(await operator.pause('app')).to.include({ handlers: 0 });
    expect(await bus.vhost.consumers('events.app')).to.equal(1);

    await bus.vhost.rabbit.closeConnections();

    await waitFor(() => watched.log.matching(/application is paused/u).length === 1);
    await waitFor(async () => (await bus.vhost.consumers('events.app')) === 0);
  });

  it('show how far behind they are, and how old what they have in hand is', async () => {
    await using bus = await Bus.open({ event_handler: { prefetch_count: 3 } });
    await using operator = await bus.applications();
    await using watched = bus.worker();
    const stuck = gate();
    const begun: number[] = [];
    watched.worker.application('app').on('a.#', (event) => (begun.push(numberOf(event)), stuck.opened));
    await watched.worker.start();
    const before = Date.now();
    await bus.publish('a.b', 1, 8);
    await waitFor(() => begun.length === 3);

    const [report] = await operator.reports();

    expect(report).to.include({ lag: 8, waiting: 5, inHand: 3, handlers: 1, pausedHandlers: 0 });
    const { oldestAge = Number.NaN } = report ?? {};
    expect(oldestAge).to.be.within(0, (Date.now() - before) / 1000 + 1);
    stuck.open();
    await watched.untilSettled(8);
    const [after] = await operator.reports();
    expect(after).to.include({ lag: 0, oldestAge: undefined });
  });

  it('keep what failed in a queue of their own, from which it is put back to the same handler', async () => {
    await using bus = await Bus.open({ event_handler: { dead_letter_expiry: '1h' } });
    await using watched = bus.worker();
    let isBroken = true;
    const done: number[] = [];
    watched.worker.application('app').on('a.#', (event) => {
      if (isBroken) throw new RangeError('no');
      done.push(numberOf(event));
    });
    watched.worker.application('other').on('a.#', () => undefined);
    await watched.worker.start();
    await bus.publish('a.b', 1, 3);
    await watched.untilSettled(6);
    await using letters = await openDeadLetters({ config: bus.config, env: {} });
    const counts = (await letters.list()).map(({ queue, messages }) => [queue, messages]);
    expect(counts).to.deep.include(['events.app', 3]).and.deep.include(['events.other', 0]);

    isBroken = false;
    const { requeued } = await letters.requeue('events.app');

    expect(requeued).to.equal(3);
    await waitFor(() => done.length === 3);
    expect([...done].sort()).to.deep.equal(upTo(3));
    expect(await bus.vhost.depth('events.other')).to.equal(0);
    await (
      await (await bus.vhost.raw()).createChannel()
    ).assertQueue('events.app.dead-letter', {
      arguments: { 'x-queue-type': 'quorum', 'x-message-ttl': 3_600_000 },
    });
  });

  it('are done with an event when they say so, where they acknowledge by themselves', async () => {
    await using bus = await Bus.open({ event_handler: { prefetch_count: 2 } });
    const contexts: Acknowledging[] = [];
    const manual = (): WatchedWorker => {
      const watched = bus.worker();
      watched.worker
        .application('app')
        .on('a.#', (_event, context) => contexts.push(context), { ack: 'manual' });
      return watched;
    };
    const first = manual();
    await first.worker.start();
    await bus.publish('a.b', 1, 4);
    await waitFor(() => contexts.length === 2); // both have returned, and hold their places
    expect(first.settled).to.deep.equal([]);

    contexts[0]?.ack();
    contexts[1]?.reject('not ours');

    await first.untilSettled(2);
    expect(first.settled.map(({ verdict }) => verdict.kind)).to.deep.equal(['ack', 'deadLetter']);
    await waitFor(() => contexts.length === 4);
    await first.worker.stop({ grace: 0 }); // what was not settled goes back
    contexts[2]?.ack(); // too late: it counts for nothing
    expect(await bus.vhost.depth('events.app')).to.equal(2);
    await using second = manual();
    await second.worker.start();
    await waitFor(() => contexts.length === 6);
    for (const context of contexts.slice(4)) context.ack();
    await second.untilSettled(2);
    const [letter] = await bus.vhost.take('events.app.dead-letter');
    expect(letter?.properties.headers).to.include({ 'celeriac-reason': 'rejected' });
  });

  it('have to be registered to be paused', async () => {
    await using bus = await Bus.open();
    await using operator = await bus.applications();
    expect(await rejection(operator.pause('app'))).to.have.property('code', 'ERR_INPUT_INVALID');
    await operator.register('app', ['a.#']);

    const error = await rejection(operator.pause('ap'));

    expect(error).to.include({ code: 'ERR_INPUT_INVALID', hint: 'Name one of these: app.' });
  });
});
