/** Resolving an object: defaults, units, refused keys; and printing the result. */
import { inspect } from 'node:util';

import { expect } from 'chai';

import { resolveConfig } from '../../../dist/config/load.js';
import { printableConfig } from '../../../dist/config/printable.js';
import type { ConfigInput } from '../../../dist/config/input.js';
import type { Config } from '../../../dist/config/types.js';
import { failure, problems } from './failures.js';

/** An object that only JavaScript would pass. */
const untyped = (input: unknown): Promise<Config> => resolveConfig(input as ConfigInput, { env: {} });

describe('resolveConfig', () => {
  it('takes the defaults of Celery under compatibility celery, unless they are given', async () => {
    const celery = await resolveConfig({ tasks: { compatibility: 'celery' } }, { env: {} });
    const given = await resolveConfig(
      { tasks: { compatibility: 'celery', queue_type: 'quorum' } },
      { env: {} },
    );

    expect(celery.tasks).to.include({ default_queue: 'celery', queue_type: 'classic' });
    expect(celery.task_handler.queues).to.deep.equal(['celery']);
    expect(given.tasks.queue_type).to.equal('quorum');
  });

  it('resolves durations to seconds and sizes to bytes, and refuses those out of range', async () => {
    const { tasks } = await resolveConfig(
      { tasks: { publish_timeout: '500ms', max_message_size: '1MiB' } },
      { env: {} },
    );

    expect(tasks).to.include({
      publish_timeout: 0.5,
      max_message_size: 1_048_576,
      dead_letter_expiry: 2_592_000,
    });
    const found = await problems(
      untyped({ tasks: { dead_letter_expiry: '60d', max_message_size: '1GiB', time_zone: 'Mars/Base' } }),
    );
    expect(found).to.have.keys('tasks.dead_letter_expiry', 'tasks.max_message_size', 'tasks.time_zone');
  });

  it('accepts other spellings of events, from the environment too, each with object and action', async () => {
    const lime = 'core.lime.{object}.{action}.v1';
    const env = { CELERIAC_EVENTS__ACCEPTED_ROUTING_KEYS: `${lime},{object}.{action}` };

    expect((await resolveConfig({}, { env: {} })).events.accepted_routing_keys).to.deep.equal([]);
    expect((await resolveConfig({}, { env })).events.accepted_routing_keys).to.deep.equal([
      lime,
      '{object}.{action}',
    ]);
    const found = await problems(
      untyped({ events: { accepted_routing_keys: ['{object}.v1', '{object}.{action}.{x}'] } }),
    );
    expect(found).to.have.keys('events.accepted_routing_keys[0]', 'events.accepted_routing_keys[1]');
    const [text] = Object.values(await problems(untyped({ events: { accepted_routing_keys: lime } })));
    expect(text).to.match(/Allowed: a list\.$/u);
  });

  it('reads retries without end from file and environment, shows them so, and refuses a key with nothing behind it', async () => {
    const env = { CELERIAC_EVENT_HANDLER__RETRY__MAX: 'unlimited' };
    const config = await resolveConfig({ task_handler: { retry: { max: 'unlimited' } } }, { env });

    const { task_handler: tasks, event_handler: events } = config;
    expect([tasks.retry.max, events.retry.max]).to.deep.equal([Infinity, Infinity]);
    expect(printableConfig(config)['task_handler']).to.have.nested.property('retry.max', 'unlimited');
    for (const max of [-1, 2.5, '3', 'endless', 65_536, null]) {
      const found = await problems(untyped({ task_handler: { retry: { max } } }));
      expect(found['task_handler.retry.max'], String(max)).to.match(/0 to 65535, or unlimited/u);
    }
  });

  it('asks for no retries by default, and reads how many from file and environment', async () => {
    const plain = await resolveConfig({}, { env: {} });
    const asked = await resolveConfig(
      { task_handler: { retry: { backoff: 'fixed', delay: '5m', never: ['TypeError'] } } },
      { env: { CELERIAC_TASK_HANDLER__RETRY__MAX: '5', CELERIAC_EVENT_HANDLER__RETRY__ONLY: 'A,B' } },
    );

    const defaults = { backoff: 'exponential', delay: 1, max_delay: 600, never: [] };
    expect(plain.task_handler.retry).to.deep.equal(defaults);
    expect(plain.tasks.delayed_delivery_queue_type).to.equal('quorum');
    expect(asked.task_handler.retry).to.deep.equal({
      ...defaults,
      max: 5,
      backoff: 'fixed',
      delay: 300,
      never: ['TypeError'],
    });
    expect(asked.event_handler.retry).to.deep.equal({ ...defaults, only: ['A', 'B'] });
    const found = await problems(
      untyped({ task_handler: { retry: { max: -1, delay: '9y', backof: 'fixed', never: 'x' } } }),
    );
    expect(found).to.have.keys(
      'task_handler.retry.max',
      'task_handler.retry.delay',
      'task_handler.retry.backof',
      'task_handler.retry.never',
    );
  });

  it('refuses keys that reach a prototype, at any depth, and pollutes nothing', async () => {
    const found = await problems(
      untyped(JSON.parse('{"__proto__": {"x": 1}, "tasks": {"routes": {"constructor": "q"}}}')),
    );

    expect(found).to.have.keys('__proto__', 'tasks.routes.constructor');
    expect(({} as Record<string, unknown>).x).to.equal(undefined);
  });

  it('refuses an object that holds itself', async () => {
    const loop: Record<string, unknown> = {};
    loop.events = loop;

    await failure(untyped(loop));
  });

  it('neither changes its input nor replaces ${…} in it, and freezes what it gives', async () => {
    const input = Object.freeze({ service: '${HOME}', task_handler: Object.freeze({ queues: ['a'] }) });
    const config = await resolveConfig(input, { env: {} });

    expect(config.service).to.equal('${HOME}');
    expect(Object.isFrozen(config.task_handler.queues)).to.equal(true);
    expect(Object.isFrozen(input.task_handler.queues)).to.equal(false);
  });
});

describe('printableConfig', () => {
  it('shows every section and masks the password', async () => {
    const config = await resolveConfig({ events: { connection_string: 'amqp://me:canary@h' } }, { env: {} });

    expect(printableConfig(config)).to.have.nested.property(
      'events.connection_string',
      'amqp://me:***@h:5672/%2F',
    );
    expect(inspect(config, { depth: 9, showHidden: true }) + JSON.stringify(config)).not.to.contain('canary');
  });
});
