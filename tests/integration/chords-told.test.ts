/** A task of a chord that never runs, whatever the reason, is told to its chord, and to who waits for it. */
import { createLogger, RedisChords, RedisConnection, systemClock } from '@celeriac/core';
import { signature } from '@celeriac/publisher';
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, WatchedPublisher, WatchedWorker } from '../support/clients.js';
import { Redis, requireRedis } from '../support/redis.js';
import { waitFor } from '../support/wait-for.js';

const json = { contentType: 'application/json' };

interface Case {
  readonly what: string;
  readonly state: string;
  readonly task?: string;
  readonly headers?: Record<string, unknown>;
  readonly contentType?: string;
  readonly body?: string;
  /** False: what it says of its chord cannot be read. */
  readonly isReadable?: boolean;
}

const cases: readonly Case[] = [
  { what: 'has an eta that is none', state: 'FAILURE', headers: { eta: 'soon' } },
  { what: 'was delivered too often', state: 'FAILURE', headers: { 'celeriac-deliveries': 21 } },
  { what: 'ended who read it', state: 'FAILURE', headers: { 'celeriac-deliveries': 30 }, isReadable: false },
  {
    what: 'is of another serializer',
    state: 'FAILURE',
    contentType: 'application/x-msgpack',
    isReadable: false,
  },
  { what: 'has a body that is no JSON', state: 'FAILURE', body: '[[1', isReadable: false },
  { what: 'has expired', state: 'REVOKED', headers: { expires: '2020-01-01T00:00:00+00:00' } },
  { what: 'nobody knows', state: 'FAILURE', task: 'nobody' },
  { what: 'is cancelled', state: 'REVOKED' },
];

describe('a task of a chord that never runs', function () {
  const errbacks: unknown[] = [];
  const opened: AsyncDisposable[] = [];
  let vhost: Vhost;
  let node: WatchedWorker;
  let client: WatchedPublisher;
  let chords: RedisChords;

  before(async function () {
    requireRabbit(this);
    requireRedis(this);
    const redis = await Redis.start();
    vhost = await Vhost.create();
    const { hostname, port } = new URL(redis.url);
    const address = { hostname, port: Number(port), database: 0, isTls: false };
    const logger = createLogger({ level: 'error' });
    const connection = await RedisConnection.open(address as never, {
      name: 'test',
      logger,
      clock: systemClock,
    });
    chords = new RedisChords({ redis: () => Promise.resolve(connection), expiresMs: 60_000 });
    opened.push(redis, { [Symbol.asyncDispose]: () => connection.close() });
    const tasks = { default_queue: 'q', result_backend: redis.url };
    const config = configFor(vhost.url, { tasks });
    node = new WatchedWorker(config);
    node.worker.task('add', (...args: number[]) => args.length);
    node.worker.task('errback', (id: string) => void errbacks.push(id));
    await node.worker.start();
    client = await WatchedPublisher.open(config);
    opened.push(vhost, node, client);
  });

  after(async () => {
    for (const one of opened.reverse()) await one[Symbol.asyncDispose]();
  });

  const publish = (
    chord: string,
    index: number,
    { headers, task = 'add', contentType, body }: Partial<Case>,
  ) => {
    const errback = signature('errback', [], { queue: 'q' }).toJSON();
    const options = { task_id: `${chord}-body`, queue: 'q', link_error: [errback] };
    const embed = { chord: { task: 'add', args: [], kwargs: {}, options } };
    const place = { group: chord, group_index: index };
    return vhost.publish('q', body ?? JSON.stringify([[1], {}, embed]), {
      ...json,
      ...(contentType === undefined ? {} : { contentType }),
      correlationId: `${chord}-${index}`,
      headers: { task, id: `${chord}-${index}`, ...place, ...headers },
    });
  };

  for (const [at, one] of cases.entries()) {
    const { what, state, isReadable = true } = one;
    it(`and ${what} fails its body, whose errback is called`, async () => {
      errbacks.length = 0;
      const chord = `chord-${at}`;
      // Counted as a sender would have it.
      await chords.expect(chord, 2);
      if (what === 'is cancelled') await client.publisher.cancel(`${chord}-1`);
      // What can be read may also be the last.
      const order = isReadable ? [0, 1] : [1, 0];
      for (const index of order) {
        await publish(chord, index, index === 1 ? one : {});
        await waitFor(() => node.settled.some(({ id }) => id === `${chord}-${index}`));
      }
      await waitFor(() => errbacks.length > 0);
      expect(errbacks).to.deep.equal([`${chord}-body`]);
      expect((await client.publisher.result(`${chord}-1`).status()).state).to.equal(state);
      expect((await client.publisher.result(`${chord}-body`).status()).state).to.equal('FAILURE');
    });
  }
});
