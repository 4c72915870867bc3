/** Redis goes away while results are awaited and written: nobody hangs, nothing is lost, nothing runs twice. */
import { startBroker } from '@celeriac/dev-broker';
import type { Receipt } from '@celeriac/publisher';
import { expect } from 'chai';

import {
  configFor,
  type Gate,
  gate,
  rejection,
  WatchedPublisher,
  WatchedWorker,
} from '../support/clients.js';
import { Redis, requireRedis } from '../support/redis.js';
import { waitFor } from '../support/wait-for.js';

describe('Redis that restarts', () => {
  const opened: AsyncDisposable[] = [];
  const gates = new Map<string, Gate>();
  let redis: Redis;
  let client: WatchedPublisher;
  let node: WatchedWorker;

  before(async function () {
    requireRedis(this);
    const broker = await startBroker();
    opened.push(broker);
    redis = await Redis.start();
    opened.push(redis);
    const config = configFor(broker.url, { tasks: { result_backend: redis.url } });
    node = new WatchedWorker(config);
    opened.push(node);
    node.worker.task('hold', async (name: string) => {
      await gates.get(name)?.opened;
      return name;
    });
    await node.worker.start();
    client = await WatchedPublisher.open(config);
    opened.push(client);
  });

  after(async () => {
    for (const { open } of gates.values()) open();
    for (const one of opened.reverse()) await one[Symbol.asyncDispose]();
  });

  async function begun(name: string): Promise<Receipt> {
    gates.set(name, gate());
    const receipt = await client.publisher.send('hold', [name]);
    await waitFor(() => node.started.some(({ id }) => id === receipt.id));
    return receipt;
  }

  it('costs no waiting reader his result, whether the task ends after or during it', async () => {
    const after = await begun('after');
    const during = await begun('during');
    const results = [after, during].map((receipt) => receipt.result({ timeout: '120s' }));
    await redis.down();

    gates.get('during')?.open();
    const late = await rejection(after.result({ timeout: '500ms' }));
    expect(late).to.include({ code: 'ERR_RESULT_TIMEOUT' });
    await waitFor(() => node.log.matching(/result cannot be kept yet/u).length > 0);
    expect(node.settled).to.deep.equal([]); // held, and not acknowledged

    await redis.up();
    gates.get('after')?.open();
    expect(await Promise.all(results)).to.deep.equal(['after', 'during']);
    const receipts = await client.publisher.sendMany(
      'hold',
      Array.from({ length: 20 }, () => ['none']),
    );
    const values = await Promise.all(receipts.map((receipt) => receipt.result({ timeout: '60s' })));
    expect(values).to.deep.equal(Array(20).fill('none'));
    await node.untilSettled(22);
    expect(node.started).to.have.length(22); // nothing ran twice
  });

  it('is told to who asks for the state meanwhile', async () => {
    await redis.down();
    const error = await rejection(client.publisher.result('x').status());
    expect(error).to.include({ code: 'ERR_REDIS_UNAVAILABLE', retryable: true });
    await redis.up();
    await waitFor(() =>
      client.publisher
        .result('x')
        .status()
        .then(
          ({ state }) => state === 'PENDING',
          () => false,
        ),
    );
  });
});
