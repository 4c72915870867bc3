/** An outbox in memory, a relay over a publisher that remembers, and time that moves only when told. */
import { CeleriacError, type ErrorCode } from '@celeriac/core';
import { testPublisher, virtualClock } from '@celeriac/testing';

import {
  createOutbox,
  MemoryDatabase,
  MemoryOutboxStore,
  OutboxRelay,
  type RelayOptions,
} from '../../dist/index.js';

export type OutboxInMemory = Awaited<ReturnType<typeof outboxInMemory>>;

export async function outboxInMemory() {
  const clock = virtualClock();
  const store = new MemoryOutboxStore({ clock });
  const database = new MemoryDatabase();
  const config = { tasks: { routes: { 'billing.*': 'billing' } }, service: 'shop' };
  const outbox = await createOutbox({ store, config, env: {}, clock });
  const publisher = await testPublisher({ config, clock });
  const happened: string[] = [];
  const relays: OutboxRelay[] = [];

  function relay(options: Partial<RelayOptions> = {}): OutboxRelay {
    const one = new OutboxRelay({ store, publisher, clock, ...options });
    one.on('published', ({ id }) => happened.push(`published ${id}`));
    one.on('failed', ({ id, attempts }) => happened.push(`failed ${id} (${attempts})`));
    one.on('set-aside', ({ id, attempts }) => happened.push(`set aside ${id} (${attempts})`));
    one.on('paused', ({ code }) => happened.push(`paused ${code}`));
    one.on('resumed', () => happened.push('resumed'));
    relays.push(one);
    return one.start();
  }

  /** Ends what is still running; time has to move for that. */
  async function stop(): Promise<void> {
    const stopping = Promise.all(relays.map((one) => one.stop({ grace: '1s' })));
    await clock.advance('2s');
    await stopping;
  }

  /** Writes and commits tasks of these ids. */
  const send = (...ids: string[]): Promise<void> =>
    database.transaction(async (tx) => {
      for (const id of ids) await outbox.send(tx, 'billing.charge', { orderId: id }, { id });
    });

  const sentIds = (): string[] => publisher.sent.map(({ id }) => id);

  /** Fails rows of these ids with these errors, for ever; the others pass. */
  function failing(failures: Readonly<Record<string, ErrorCode>>) {
    const publishPrepared: typeof publisher.publishPrepared = async (message, options) => {
      const code = failures[message.id];
      if (code !== undefined) throw new CeleriacError(code, { message: 'As the test wants it.' });
      return publisher.publishPrepared(message, options);
    };
    return { publisher: { publishPrepared } };
  }

  /** A publisher whose confirms come when the test says so. */
  function held() {
    const confirms = new Map<string, () => void>();
    const publishPrepared: typeof publisher.publishPrepared = async (message, options) => {
      await new Promise<void>((resolve) => confirms.set(message.id, resolve));
      return publisher.publishPrepared(message, options);
    };
    return { confirms, publisher: { publishPrepared } };
  }

  return { failing, held, clock, store, database, outbox, publisher, happened, relay, stop, send, sentIds };
}
