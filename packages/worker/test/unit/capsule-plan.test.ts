/** Which queues a worker consumes and how much each may send ahead. Configuration only. */
import { type Config, type ConfigInput, loadConfig } from '@celeriac/core';
import { expect } from 'chai';

import { eventPrefetch, planApplication, planTaskGroups, type QueuePlan } from '../../dist/capsule-plan.js';
import { Application } from '../../dist/event-handler/application.js';

const load = (config: ConfigInput = {}): Promise<Config> => loadConfig(config, { env: {} });

const planTaskQueues = (config: Config): readonly QueuePlan[] => planTaskGroups(config)[0]!.queues;

describe('planTaskGroups, with one group,', () => {
  async function prefetches(concurrency: number, queues: readonly string[], more = {}): Promise<number[]> {
    const config = await load({ task_handler: { concurrency, queues, ...more } });
    return planTaskQueues(config).map(({ prefetch }) => prefetch);
  }

  it('shares the concurrency out between the queues, and gives each at least one', async () => {
    expect(await prefetches(10, ['a'])).to.deep.equal([10]);
    expect(await prefetches(10, ['a', 'b', 'c'])).to.deep.equal([3, 3, 3]);
    expect(await prefetches(2, ['a', 'b', 'c'])).to.deep.equal([1, 1, 1]);
  });

  it('gives every queue the configured prefetch count, where there is one', async () => {
    expect(await prefetches(10, ['a', 'b'], { prefetch_count: 50 })).to.deep.equal([50, 50]);
  });

  it('plans the queues in their order, each with what has to exist for it', async () => {
    const plans = planTaskQueues(await load({ task_handler: { queues: ['b', 'a'] } }));

    expect(plans.map(({ queue }) => queue)).to.deep.equal(['b', 'a']);
    for (const { queue, topology } of plans) {
      expect(topology.queues.map(({ name }) => name)).to.have.members([queue, `${queue}.dead-letter`]);
    }
  });

  it('consumes the default queue where none is named', async () => {
    expect(
      planTaskQueues(await load({ tasks: { default_queue: 'work' } })).map(({ queue }) => queue),
    ).to.deep.equal(['work']);
  });
});

describe('eventPrefetch', () => {
  const workers = {
    all: { queue_prefix: 'events.', prefetch_count: 2 },
    crm: { queue_prefix: 'events.crm', prefetch_count: 3 },
    open: { queue_prefix: 'events.crm.open' },
  };

  it('is that of the group with the longest matching prefix, however groups are ordered', async () => {
    const forwards = await load({ event_handler: { prefetch_count: 7, workers } });
    const backwards = await load({
      event_handler: { prefetch_count: 7, workers: Object.fromEntries(Object.entries(workers).reverse()) },
    });
    for (const config of [forwards, backwards]) {
      expect(eventPrefetch(config, 'events.crm-mail')).to.equal(3);
      expect(eventPrefetch(config, 'events.shop')).to.equal(2);
    }
  });

  it('is the general one where no group matches, or where the group has none', async () => {
    const config = await load({ event_handler: { prefetch_count: 7, workers } });

    expect(eventPrefetch(config, 'other.crm')).to.equal(7);
    expect(eventPrefetch(config, 'events.crm.open')).to.equal(7);
  });
});

describe('planApplication', () => {
  it('binds the queue of the application to the patterns of its handlers', async () => {
    const application = new Application('crm').on('b.#', () => undefined).on('a.*', () => undefined);
    const plan = planApplication(await load({ event_handler: { prefetch_count: 4 } }), application);

    expect(plan).to.include({ queue: 'events.crm', prefetch: 4 });
    expect(plan.topology.bindings.map(({ routingKey }) => routingKey)).to.deep.equal(['a.*', 'b.#']);
  });
});
