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

describe('planTaskGroups', () => {
  const workers = { cpu: { queues: ['images', 'reports'], pool: 'processes', concurrency: 2 } } as const;
  const shown = (config: Config, queues?: readonly string[]): readonly string[] =>
    planTaskGroups(config, { queues }).map(
      ({ name, config: { pool, queues: own } }) => `${name} ${pool} ${own.join('+')}`,
    );

  it('gives a group its queues, with what it sets itself and the rest from task_handler', async () => {
    const config = await load({
      task_handler: { hard_time_limit: '5m', soft_time_limit: '1m', prefetch_count: 9, workers },
    });
    const [base, cpu] = planTaskGroups(config);

    expect(shown(config)).to.deep.equal(['task_handler inline celeriac', 'cpu processes images+reports']);
    expect(base?.config).to.include({ concurrency: 10, prefetch_count: 9 });
    expect(cpu?.config).to.include({ concurrency: 2, hard_time_limit: 300, soft_time_limit: 60 });
    // What the base sends ahead says nothing about a group with other concurrency.
    expect(cpu?.queues.map(({ prefetch }) => prefetch)).to.deep.equal([1, 1]);
  });

  it('has no base where a group takes all its queues', async () => {
    const all = { all: { queues: ['celeriac'] } };
    expect(shown(await load({ task_handler: { workers: all } }))).to.deep.equal(['all inline celeriac']);
    const named = await load({ task_handler: { queues: ['images', 'b'], workers } });
    expect(shown(named)).to.deep.equal(['task_handler inline b', 'cpu processes images+reports']);
  });

  it('leaves out all queues but those that are asked for', async () => {
    const config = await load({ task_handler: { workers } });
    expect(shown(config, ['images'])).to.deep.equal(['cpu processes images']);
    expect(shown(config, ['other', 'reports'])).to.deep.equal([
      'task_handler inline other',
      'cpu processes reports',
    ]);
  });

  it('refuses a queue in two groups', async () => {
    const config = await load({ task_handler: { workers: { ...workers, two: { queues: ['reports'] } } } });
    expect(() => planTaskGroups(config))
      .to.throw(/'reports' is in two groups/u)
      .with.property('code', 'ERR_CONFIG_INVALID');
  });

  it('runs everything inline where it must', async () => {
    const config = await load({ task_handler: { pool: 'threads', workers } });
    const kinds = planTaskGroups(config, { isInlineOnly: true }).map(({ config: { pool } }) => pool);
    expect(kinds).to.deep.equal(['inline', 'inline']);
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
