/**
 * A queue moved to other arguments, over the embedded broker and RabbitMQ: no message is lost, wherever it ends halfway,
 * and what is doubled is bounded. `celeriac topology` on top of it.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import {
  type ApplyReport,
  type ConfigInput,
  type MoveProgress,
  type MoveStep,
  openTopology,
} from '@celeriac/core';
import { expect } from 'chai';

import { requireRabbit } from '../support/broker.js';
import { configFor, rejection, WatchedPublisher, WatchedWorker } from '../support/clients.js';
import { Place, type PlaceKind } from '../support/place.js';
import { start } from '../support/processes.js';
import { waitFor } from '../support/wait-for.js';

const kinds: readonly PlaceKind[] = ['the embedded broker', 'RabbitMQ'];
const main = fileURLToPath(new URL('../../../packages/cli/dist/main.js', import.meta.url));
const moves = [
  ['classic', 'quorum'],
  ['quorum', 'classic'],
] as const;

const applications = [{ name: 'billing', patterns: ['core.limeobject.deal.*.v1'] }];

function configOf(place: Place, type: 'classic' | 'quorum'): ConfigInput {
  return configFor(place.url, {
    events: { queue_type: type },
    tasks: { queue_type: type, default_queue: 'orders', delayed_delivery_ahead: false },
  });
}

/** As this configuration declares it. */
async function declaredAs(place: Place, type: 'classic' | 'quorum'): Promise<void> {
  await using topology = await openTopology({ config: configOf(place, type), applications });
  await topology.apply();
}

async function apply(
  place: Place,
  type: 'classic' | 'quorum',
  onStep?: (progress: MoveProgress) => void,
): Promise<ApplyReport> {
  await using topology = await openTopology({ config: configOf(place, type) });
  return await topology.apply({ onStep, quiet: 0.2, queues: ['orders'] });
}

async function actions(place: Place, type: 'classic' | 'quorum'): Promise<Record<string, string>> {
  await using topology = await openTopology({ config: configOf(place, type) });
  const { items } = await topology.plan();
  return Object.fromEntries(items.map(({ name, action }) => [name, action]));
}

const allSteps: readonly MoveStep[] = [
  'temporary',
  'away',
  'switched',
  'deleted',
  'declared',
  'back',
  'bound',
];
/** The embedded broker goes through all of them, in less time. */
const hardest: readonly MoveStep[] = ['away', 'deleted', 'back'];
const count = 150;
const ids = Array.from({ length: count }, (_, index) => String(index));

for (const kind of kinds) {
  describe(`the topology, ${kind}`, function () {
    before(function () {
      if (kind === 'RabbitMQ') requireRabbit(this);
    });

    it('is planned without declaring anything, and every difference of a queue is named', async () => {
      await using place = await Place.open(kind);
      await place.declare('orders', { 'x-max-priority': 10, 'x-message-ttl': 60_000 });
      await using topology = await openTopology({ config: configOf(place, 'quorum') });

      const plan = await topology.plan();

      const orders = plan.items.find(({ name }) => name === 'orders');
      expect(orders).to.include({ action: 'move', exists: true, messages: 0, consumers: 0 });
      const seen = new Map(
        orders?.differences.map(({ argument, wanted, present }) => [argument, [wanted, present]]),
      );
      expect(seen.get('x-max-priority')).to.deep.equal(['none', '10']);
      expect(seen.get('x-message-ttl')).to.deep.equal(['none', '60000']);
      expect(seen.get('x-queue-type')?.[0]).to.equal('quorum');
      expect(seen.get('x-dead-letter-routing-key')).to.deep.equal(['orders.dead-letter', 'none']);
      expect(plan.isDone).to.equal(false);
      expect(plan.items.find(({ name }) => name === 'orders.dead-letter')).to.include({ action: 'create' });
      expect(await rejection(place.depth('orders.dead-letter'))).to.have.property('code', 404);
    });

    it('has nothing more to do once it was applied', async () => {
      await using place = await Place.open(kind);
      await declaredAs(place, 'quorum');
      await using topology = await openTopology({ config: configOf(place, 'quorum') });

      const [plan, report] = [await topology.plan(), await topology.apply()];

      expect(plan.items.filter(({ action }) => action !== 'none')).to.deep.equal([]);
      expect(plan.isDone).to.equal(true);
      expect(report).to.deep.equal({ created: [], moved: [], left: [] });
    });

    it('moves nothing while a worker consumes, and says so before it changes anything', async () => {
      await using place = await Place.open(kind);
      await using watched = new WatchedWorker(configOf(place, 'classic'));
      watched.worker.task('add', () => 0);
      await watched.worker.start();
      await using topology = await openTopology({ config: configOf(place, 'quorum') });

      const error = await rejection(topology.apply());

      expect(error).to.have.property('code', 'ERR_TOPOLOGY_IN_USE');
      expect(error.values).to.deep.equal({ queues: ['orders'] });
      expect(await actions(place, 'classic')).to.include({ orders: 'none' });
    });

    it('takes no message out of a queue that the other one has refused', async () => {
      await using place = await Place.open(kind);
      await place.declare('orders', {});
      await place.declare('orders.moving', { 'x-max-length': 20, 'x-overflow': 'reject-publish' });
      await place.fill('orders', count);

      const error = await rejection(apply(place, 'quorum'));

      expect(error).to.have.property('code', 'ERR_TOPOLOGY_UNFINISHED');
      const both = async (): Promise<number> =>
        (await place.depth('orders')) + (await place.depth('orders.moving'));
      await waitFor(async () => (await both()) >= count, { what: 'all messages in one of the two' });
      const taken = [...(await place.take('orders')), ...(await place.take('orders.moving'))];
      expect(new Set(taken.map(({ id }) => id))).to.deep.equal(new Set(ids));
    });

    for (const [from, to] of moves) {
      it(`moves a queue from ${from} to ${to} with everything in it, in order, and the events of an application go on`, async () => {
        await using place = await Place.open(kind);
        await declaredAs(place, from);
        await using sender = await WatchedPublisher.open(configOf(place, from));
        await sender.publisher.publishEvent('core.limeobject.deal.new.v1', { n: 1 });
        await place.fill('orders', count);
        await place.publish(
          'orders',
          { last: true },
          { messageId: 'last', headers: { deep: { list: [1, 'two'] } } },
        );
        await using topology = await openTopology({ config: configOf(place, to), applications });

        const report = await topology.apply({ quiet: 0.2 });
        await sender.publisher.publishEvent('core.limeobject.deal.new.v1', { n: 2 });

        expect(report.moved).to.deep.include({ queue: 'orders', moved: count + 1, lost: 0 });
        expect(await actions(place, to)).to.include({ orders: 'none', 'orders.dead-letter': 'none' });
        const taken = await place.take('orders');
        expect(taken.map(({ id }) => id)).to.deep.equal([...ids, 'last']);
        expect(taken.at(-1)?.headers).to.deep.include({ deep: { list: [1, 'two'] } });
        const events = await place.take('events.billing');
        expect(events.map(({ body }) => (JSON.parse(body) as { n?: number }).n ?? body)).to.have.length(2);
        expect(events[0]?.headers).to.include({ 'celeriac-routing-key': 'core.limeobject.deal.new.v1' });
      });

      const steps = kind === 'RabbitMQ' ? hardest : allSteps;
      it(`loses nothing from ${from} to ${to}, wherever it ends halfway`, async () => {
        await using place = await Place.open(kind);
        for (const step of steps) {
          await declaredAs(place, from);
          await place.fill('orders', count);
          let seen = 0;
          const crash = (progress: MoveProgress): void => {
            // In the middle of what comes once per message.
            if (progress.step === step && ++seen === (step === 'away' || step === 'back' ? 40 : 1))
              throw new Error(step);
          };

          const error = await rejection(apply(place, to, crash));
          const left = await actions(place, to);
          const report = await apply(place, to);

          expect(error, step).to.have.property('code', 'ERR_TOPOLOGY_UNFINISHED');
          expect(left.orders, step).to.be.oneOf(['move', 'finish']);
          expect(report.moved[0], step).to.include({ queue: 'orders', lost: 0 });
          expect(await actions(place, to), step).to.include({ orders: 'none' });
          const taken = (await place.take('orders')).map(({ id }) => id);
          expect(new Set(taken), step).to.deep.equal(new Set(ids));
          expect(taken.length - count, step).to.be.at.most(64);
          await place.delete('orders');
        }
      });
    }
  });
}

describe('celeriac topology', function () {
  let directory = '';

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'celeriac-topology-'));
    await writeFile(
      join(directory, 'celeriac.yaml'),
      'tasks: {default_queue: orders, delayed_delivery_ahead: false}\n',
    );
  });

  after(async () => {
    if (directory !== '') await rm(directory, { recursive: true, force: true });
  });

  function started(url: string, ...args: string[]): ReturnType<typeof start> {
    const env = { PATH: process.env.PATH, CELERIAC_EVENTS__CONNECTION_STRING: url };
    return start(process.execPath, [main, ...args], { cwd: directory, env });
  }

  async function celeriac(url: string, ...args: string[]): Promise<{ code: unknown; output: string }> {
    const running = started(url, ...args);
    return { code: await running.exited, output: running.output() };
  }

  it('plans with 3, asks before it moves, applies, and then plans with 0', async () => {
    await using place = await Place.open('the embedded broker');
    await place.declare('orders', { 'x-max-priority': 10 });
    await place.fill('orders', 2);

    const list = await celeriac(place.url, 'topology', 'list');
    const plan = await celeriac(place.url, 'topology', 'plan');
    const unasked = await celeriac(place.url, 'topology', 'apply');
    const applied = await celeriac(place.url, 'topology', 'apply', 'orders', '--yes');
    const again = await celeriac(place.url, 'topology', 'plan');

    expect(list.output).to.match(/^queue +orders +task +x-queue-type=quorum /mu);
    expect(plan.code, plan.output).to.equal(3);
    expect(plan.output).to.match(/^~ queue orders \(2 messages\)\n {4}.*needed/mu);
    expect(plan.output).to.include('x-max-priority: needed none, there 10');
    expect(plan.output).to.match(/^\+ exchange celeriac\.events$/mu);
    expect(unasked).to.have.property('code', 2);
    expect(applied.code, applied.output).to.equal(0);
    expect(applied.output).to.match(/^moved: orders, 2 messages$/mu);
    expect(again.code, again.output).to.equal(0);
    expect(again.output).to.match(/^nothing to do/mu);
  });

  it('is killed in the middle of a move, and goes on with nothing lost', async () => {
    await using place = await Place.open('the embedded broker');
    await place.declare('orders', {});
    await place.fill('orders', 3_000);
    const running = started(place.url, 'topology', 'apply', '--yes');
    await place.untilSome('orders.moving');
    running.kill('SIGKILL');
    await running.exited;

    const plan = await celeriac(place.url, 'topology', 'plan');
    const applied = await celeriac(place.url, 'topology', 'apply', '--yes');

    expect(plan.code, plan.output).to.equal(3);
    expect(plan.output).to.include('an earlier move left');
    expect(applied.code, applied.output).to.equal(0);
    const taken = (await place.take('orders')).map(({ id }) => id);
    expect(new Set(taken).size).to.equal(3_000);
    expect(taken.length).to.be.at.most(3_064);
  });
});
