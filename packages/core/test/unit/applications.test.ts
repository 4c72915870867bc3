/** Names and queues of registered applications. What reaches the broker is tested with one. */
import { expect } from 'chai';

import { applicationQueueName, applicationTopology } from '../../dist/applications.js';
import { loadConfig } from '../../dist/config/load.js';
import type { ConfigInput } from '../../dist/config/input.js';
import type { Config } from '../../dist/config/types.js';

const load = (config: ConfigInput = {}): Promise<Config> => loadConfig(config, { env: {} });

describe('applicationQueueName', () => {
  it('is the name behind the configured prefix, or behind the one it is given', async () => {
    expect(applicationQueueName(await load(), 'crm')).to.equal('events.crm');
    expect(applicationQueueName(await load({ events: { queue_prefix: 'bus-' } }), 'crm')).to.equal('bus-crm');
    expect(applicationQueueName(await load(), 'crm', 'x.')).to.equal('x.crm');
  });

  it('refuses names that could not be part of a queue, naming them', async () => {
    const config = await load();
    for (const name of ['', 'a b', 'a/b', 'a#', "a'b", 'ä', 'a\n']) {
      expect(() => applicationQueueName(config, name), name)
        .to.throw(`'${name}' is not a name`)
        .with.property('code', 'ERR_INPUT_INVALID');
    }
  });

  it('takes names up to 200 bytes, prefix included', async () => {
    const config = await load();
    const longest = 'a'.repeat(200 - 'events.'.length);

    expect(applicationQueueName(config, longest)).to.have.length(200);
    expect(() => applicationQueueName(config, `${longest}a`)).to.throw('not a name');
  });
});

describe('applicationTopology', () => {
  it('binds the queue to every pattern on the topic exchange, with a dead-letter queue beside it', async () => {
    const topology = applicationTopology(await load(), 'crm', ['a.*', 'b.#']);
    const bound = { queue: 'events.crm', exchange: 'celeriac.events' };

    expect(topology.exchanges).to.deep.equal([{ name: 'celeriac.events', type: 'topic' }]);
    expect(topology.bindings).to.deep.equal([
      { ...bound, routingKey: 'a.*' },
      { ...bound, routingKey: 'b.#' },
    ]);
    expect(topology.queues.map(({ name }) => name)).to.have.members(['events.crm', 'events.crm.dead-letter']);
  });

  it('keeps dead letters of events as long as events are configured to', async () => {
    const config = await load({
      event_handler: { dead_letter_expiry: '2d' },
      tasks: { dead_letter_expiry: '9d' },
    });
    const letters = applicationTopology(config, 'crm', []).queues.find(({ name }) =>
      name.endsWith('dead-letter'),
    );

    expect(letters?.arguments).to.include({ 'x-message-ttl': 2 * 86_400_000 });
  });
});
