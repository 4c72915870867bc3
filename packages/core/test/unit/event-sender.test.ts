/** Publishing events: type, data, validation, what is mandatory. Recorded publishes, no broker. */
import { expect } from 'chai';

import type { Declarer } from '../../dist/amqp/declare.js';
import type { Topology } from '../../dist/amqp/topology.js';
import { loadConfig } from '../../dist/config/load.js';
import type { ConfigInput } from '../../dist/config/input.js';
import { defineEvent } from '../../dist/contract/event.js';
import { defineEvents } from '../../dist/contract/event-family.js';
import type { CeleriacError } from '../../dist/errors.js';
import { BrokerEventSender } from '../../dist/event-sender.js';
import type { OutgoingMessage, PublishOptions } from '../../dist/ports.js';
import { ManualClock } from '../support/manual-clock.js';

const values = { type: 'object', properties: { sum: { type: 'integer' } }, required: ['sum'] } as const;
const updated = defineEvent({ object: 'deal', action: 'update', values });
const deleted = defineEvent({ object: 'deal', action: 'delete', values });

describe('BrokerEventSender', () => {
  let published: { message: OutgoingMessage; options: PublishOptions | undefined }[];
  let declared: { key: string; topology: Topology }[];

  beforeEach(() => {
    published = [];
    declared = [];
  });

  async function sender(config: ConfigInput = {}): Promise<BrokerEventSender> {
    const publish = (message: OutgoingMessage, options?: PublishOptions): Promise<void> => {
      published.push({ message, options });
      return Promise.resolve();
    };
    const ensure = (key: string, topology: () => Topology) => {
      declared.push({ key, topology: topology() });
      return undefined;
    };
    return new BrokerEventSender({
      config: await loadConfig(config, { env: {} }),
      sink: { publish },
      declarer: { ensure } as unknown as Declarer,
      clock: new ManualClock(),
      newId: () => 'new-id',
      source: 'shop',
    });
  }
  const documents = (): unknown[] =>
    published.map(({ message }): unknown => JSON.parse(message.body.toString()));
  const code = (publishing: Promise<unknown>): Promise<unknown> =>
    publishing.then(
      () => 'published',
      (error: unknown) => (error as CeleriacError).code,
    );

  it('publishes a change under the type of object and action, which is the routing key', async () => {
    const events = await sender();
    const change = { id: 7, values: { sum: 2 }, originalValues: { sum: 1 } };
    const receipt = await events.publishEvent(updated, change);

    const type = 'core.limeobject.deal.update.v1';
    expect(receipt).to.deep.equal({ id: 'new-id', exchange: 'celeriac.events', routingKey: type });
    expect(published[0]?.message).to.include({
      exchange: 'celeriac.events',
      routingKey: type,
      mandatory: true,
    });
    expect(documents()[0]).to.deep.include({
      id: 'new-id',
      source: 'shop',
      type,
      subject: 'deal/7',
      data: { id: 7, values: { sum: 2 }, original_values: { sum: 1 } },
    });
  });

  it("says the contract's dataSchema, and what the call says instead", async () => {
    const events = await sender();
    const named = defineEvent({ object: 'deal', action: 'new', dataSchema: 'urn:example:deal' });
    await events.publishEvent(named, { id: 7 });
    await events.publishEvent(named, { id: 7 }, { subject: 'deals', dataSchema: 'urn:example:deal:2' });
    await events.publishEvent('mail.sent', 1, { subject: 'mail/1' });

    expect(documents()).to.deep.equal([
      { ...(documents()[0] as object), subject: 'deal/7', dataschema: 'urn:example:deal' },
      { ...(documents()[1] as object), subject: 'deals', dataschema: 'urn:example:deal:2' },
      { ...(documents()[2] as object), subject: 'mail/1' },
    ]);
    expect(documents()[2]).not.to.have.property('dataschema');
  });

  it('publishes any data under a type of its own', async () => {
    const events = await sender();
    await events.publishEvent('mail.sent', [1, 'two']);

    expect(published[0]?.message.routingKey).to.equal('mail.sent');
    expect(documents()[0]).to.deep.include({ data: [1, 'two'] });
  });

  it('publishes one event, neither a family nor a pattern', async () => {
    const events = await sender();
    const deal = defineEvents({ object: 'deal' });
    for (const many of [deal, deal.any])
      expect(await code(events.publishEvent(many as never, { id: 1 }))).to.equal('ERR_INPUT_INVALID');
    expect(published).to.deep.equal([]);
  });

  it('takes exchange and type pattern from the configuration', async () => {
    const config = { events: { exchange: 'bus', routing_key: '{object}.{action}' } };
    const events = await sender(config);
    await events.publishEvent(updated, { id: 1, values: { sum: 1 } });

    expect(published[0]?.message).to.include({ exchange: 'bus', routingKey: 'deal.update' });
  });

  it('publishes nothing that does not fit its contract; only a deletion may have no values', async () => {
    const events = await sender();
    const wrong = { sum: 'much' } as unknown as { sum: number };

    expect(await code(events.publishEvent(updated, { id: 1 }))).to.equal('ERR_INPUT_INVALID');
    expect(await code(events.publishEvent(updated, { id: 1, values: wrong }))).to.equal('ERR_INPUT_INVALID');
    expect(await code(events.publishEvent(deleted, { id: 1, values: wrong }))).to.equal('ERR_INPUT_INVALID');
    expect(published).to.deep.equal([]);
    expect(await code(events.publishEvent(deleted, { id: 1 }))).to.equal('published');
  });

  it('has the topic exchange declared before every attempt, and no queue', async () => {
    const events = await sender();
    await events.publishEvent('t', 1);
    void published[0]?.message.prepare?.();

    expect(declared).to.deep.equal([
      {
        key: 'exchange celeriac.events',
        topology: { exchanges: [{ name: 'celeriac.events', type: 'topic' }], queues: [], bindings: [] },
      },
    ]);
  });

  it('keeps id, time and extensions it is given, and may be dropped when it is not mandatory', async () => {
    const events = await sender();
    const time = new Date(Date.UTC(2020, 1, 29));
    await events.publishEvent('t', 1, { id: 'mine', time, extensions: { tenant: 'a' }, mandatory: false });

    expect(published[0]?.message).to.include({ mandatory: false });
    expect(documents()[0]).to.include({ id: 'mine', tenant: 'a' });
    expect(Date.parse((documents()[0] as { time: string }).time)).to.equal(time.getTime());
  });

  it('leaves the deadline to the sink unless the call has one', async () => {
    const events = await sender();
    await events.publishEvent('t', 1);
    await events.publishEvent('t', 1, { timeout: '2s' });

    expect(published.map(({ options }) => options?.timeoutMs)).to.deep.equal([undefined, 2000]);
  });
});
