/** A Redis that answers, and takes no writes: memory or replicas are missing, or it has become a replica itself. */
import {
  errorText,
  isCeleriacError,
  type KeyStore,
  keyStoreSource,
  loadConfig,
  silentLogger,
  systemClock,
} from '@celeriac/core';
import { type DevBroker, startBroker } from '@celeriac/dev-broker';
import { expect } from 'chai';
import { Redis as Client } from 'ioredis';

import { configFor, WatchedPublisher } from '../support/clients.js';
import { Redis, requireRedis } from '../support/redis.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { waitFor } from '../support/wait-for.js';

async function opened(connection_string: string): Promise<KeyStore> {
  const { key_store: config } = await loadConfig({ key_store: { connection_string } }, { env: {} });
  return keyStoreSource({ config, name: 'tests', logger: silentLogger, clock: systemClock }).open();
}

async function portOf(client: Client): Promise<number> {
  return Number(((await client.config('GET', 'port')) as [string, string])[1]);
}

describe('a Redis that takes no writes', function () {
  this.timeout(60_000);
  let broker: DevBroker;
  let server: Redis;
  let admin: Client;

  before(async function () {
    requireRedis(this);
    broker = await startBroker({ port: 0 });
    server = await Redis.start();
    admin = new Client(server.url);
  });

  after(async () => {
    (admin as Client | undefined)?.disconnect();
    await (server as Redis | undefined)?.[Symbol.asyncDispose]();
    await (broker as DevBroker | undefined)?.stop();
  });

  for (const [why, setting, value] of [
    ['its memory is full', 'maxmemory', '1'],
    ['it has too few replicas', 'min-replicas-to-write', '1'],
  ] as const) {
    describe(`because ${why}`, () => {
      before(() => admin.config('SET', setting, value));
      after(() => admin.config('SET', setting, '0'));

      it('is one that does not answer: unique tasks are sent without it, or refused, as configured', async () => {
        const sent: unknown[] = [];
        for (const when_unavailable of ['run', 'wait'] as const) {
          const key_store = { connection_string: server.url, when_unavailable };
          await using sender = await WatchedPublisher.open(configFor(broker.url, { key_store }));
          const receipt = sender.publisher.send('note', [1], { unique: { while: 'queued' } });
          sent.push(await receipt.then(({ duplicateOf }) => [duplicateOf], errorCode));
        }

        expect(sent).to.deep.equal([[undefined], 'ERR_REDIS_UNAVAILABLE']);
      });
    });
  }

  it('because it is a replica by now is left for the one that its address means by now', async () => {
    await using primary = await Redis.start();
    const other = new Client(primary.url);
    const ports = [await portOf(admin), await portOf(other)] as const;
    await using proxy = await TcpProxy.start(ports[0]);
    const store = await opened(`redis://127.0.0.1:${proxy.port}/0`);
    const hold = (key: string) => store.hold(key, { id: 'm', ttlMs: 60_000 });
    try {
      expect(await hold('a')).to.equal(undefined);
      await admin.replicaof('127.0.0.1', ports[1]);
      proxy.redirect(ports[1]);

      await waitFor(
        () =>
          hold('b').then(
            () => true,
            () => false,
          ),
        { what: 'a write on the new primary' },
      );

      expect(await other.hget('celeriac:hold:b', 'id')).to.equal('m');
    } finally {
      await admin.replicaof('NO', 'ONE');
      await store.close();
      other.disconnect();
    }
  });
});

function errorCode(error: unknown): string {
  return isCeleriacError(error) ? error.code : errorText(error);
}
