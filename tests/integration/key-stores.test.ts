/** The key stores, in memory and on a real Redis: one suite for both. Then what only a server can do: stop, and come back. */
import { randomUUID } from 'node:crypto';

import {
  type Claim,
  isCeleriacError,
  type KeyStore,
  keyStoreSource,
  type KeyStoreSource,
  loadConfig,
  silentLogger,
  systemClock,
} from '@celeriac/core';
import { expect } from 'chai';

import { Redis, requireRedis } from '../support/redis.js';
import { waitFor } from '../support/wait-for.js';

const minute = 60_000;
const fencingOf = (claim: Claim): number => (claim.state === 'claimed' ? claim.fencing : -1);
const ask = (owner: string, { leaseMs = minute, attempt = 1, chain = 'message' } = {}) => ({
  owner,
  leaseMs,
  windowMs: minute,
  chain,
  attempt,
});

async function source(connection_string: string, command_timeout = 2): Promise<KeyStoreSource> {
  const { key_store: config } = await loadConfig(
    { key_store: { connection_string, command_timeout } },
    { env: {} },
  );
  return keyStoreSource({ config, name: 'tests', logger: silentLogger, clock: systemClock });
}

/** `store` is asked for inside the tests: it is opened before the first. */
function keepsTheRules(store: () => KeyStore): void {
  let key: string;
  beforeEach(() => {
    key = randomUUID();
  });

  it('lets one run with a key, and says for how long the others wait', async () => {
    const first = await store().claim(key, ask('a'));
    const second = await store().claim(key, ask('b', { chain: 'other' }));

    expect(first.state).to.equal('claimed');
    expect(second.state).to.equal('held');
    expect(second.state === 'held' && second.leftMs).to.be.within(1, minute);
  });

  it('lets one of many that ask at the same time run', async () => {
    const claims = await Promise.all(
      Array.from({ length: 20 }, (_, n) => store().claim(key, ask(`owner ${n}`))),
    );

    expect(claims.filter(({ state }) => state === 'claimed')).to.have.length(1);
  });

  it('lets the next run when the lease ends or is released, with a higher fencing number each time', async () => {
    const first = await store().claim(key, ask('a', { leaseMs: 1 }));
    const second = await waitFor(async () => {
      const claim = await store().claim(key, ask('b'));
      return claim.state === 'claimed' ? claim : undefined;
    });
    await store().release(key, { owner: 'b', chain: 'message', windowMs: minute });
    const third = await store().claim(key, ask('c'));

    expect(fencingOf(first)).to.be.greaterThan(Date.UTC(2020, 0, 1));
    expect(fencingOf(second)).to.be.greaterThan(fencingOf(first));
    expect(fencingOf(third)).to.be.greaterThan(fencingOf(second));
  });

  it('keeps a renewed claim, and says when it was lost', async () => {
    await store().claim(key, ask('a', { leaseMs: 1 }));

    expect(await store().renew(key, { owner: 'a', leaseMs: minute })).to.equal(true);
    expect((await store().claim(key, ask('b'))).state).to.equal('held');
    expect(await store().renew(key, { owner: 'b', leaseMs: minute })).to.equal(false);
  });

  it('takes a claim that it knows nothing of again when it is renewed', async () => {
    expect(await store().renew(key, { owner: 'a', leaseMs: minute })).to.equal(true);
    expect((await store().claim(key, ask('b'))).state).to.equal('held');
  });

  it('knows for the window that it is done, and not for longer', async () => {
    await store().claim(key, ask('a'));
    expect(await store().complete(key, { owner: 'a', windowMs: minute })).to.equal(true);
    expect(await store().claim(key, ask('b'))).to.deep.equal({ state: 'done' });
    expect(await store().renew(key, { owner: 'a', leaseMs: minute })).to.equal(false);

    const brief = randomUUID();
    await store().complete(brief, { owner: 'a', windowMs: 1 });
    await waitFor(async () => (await store().claim(brief, ask('b'))).state === 'claimed');
  });

  it('writes down that it is done for one who lost the claim, and tells him', async () => {
    await store().claim(key, ask('successor'));

    expect(await store().complete(key, { owner: 'predecessor', windowMs: minute })).to.equal(false);
    expect(await store().claim(key, ask('c'))).to.deep.equal({ state: 'done' });
  });

  it('leaves the claim of somebody else alone when one is released', async () => {
    await store().claim(key, ask('a'));
    await store().release(key, { owner: 'b', chain: 'message', windowMs: minute });

    expect((await store().claim(key, ask('c'))).state).to.equal('held');
  });

  it('cuts the second chain of attempts: what goes on in a copy is not made again', async () => {
    const chain = randomUUID();
    await store().claim(key, ask('a', { chain }));
    await store().release(key, { owner: 'a', chain, retried: 1, windowMs: minute });

    expect(await store().claim(key, ask('b', { chain }))).to.deep.equal({ state: 'retried' });
    expect((await store().claim(key, ask('c', { chain, attempt: 2 }))).state).to.equal('claimed');

    await store().release(key, { owner: 'c', chain, retried: 0, windowMs: minute });
    expect((await store().claim(key, ask('d', { chain }))).state).to.equal('claimed');
  });

  it('holds a key for one message, until it is let go by that one', async () => {
    expect(await store().hold(key, { id: 'a', ttlMs: minute })).to.equal(undefined);
    expect(await store().hold(key, { id: 'a', ttlMs: minute })).to.equal(undefined);
    expect(await store().hold(key, { id: 'b', ttlMs: minute })).to.deep.equal({
      id: 'a',
      isConfirmed: false,
    });
    expect(await store().confirm(key, { id: 'a', ttlMs: minute })).to.equal(true);
    expect(await store().hold(key, { id: 'b', ttlMs: minute })).to.deep.equal({ id: 'a', isConfirmed: true });

    await store().letGo(key, 'b');
    expect(await store().holder(key)).to.deep.equal({ id: 'a', isConfirmed: true });
    await store().letGo(key, 'a');
    expect(await store().holder(key)).to.equal(undefined);
  });

  it('does not hold again, by a late confirm, what was let go', async () => {
    await store().hold(key, { id: 'a', ttlMs: minute });
    await store().letGo(key, 'a');

    expect(await store().confirm(key, { id: 'a', ttlMs: minute })).to.equal(false);
    expect(await store().holder(key)).to.equal(undefined);
  });

  it('lets a hold go by itself, and one that is confirmed after its own time', async () => {
    await store().hold(key, { id: 'a', ttlMs: 1 });
    await waitFor(async () => (await store().holder(key)) === undefined);

    await store().hold(key, { id: 'b', ttlMs: 1000 });
    await store().confirm(key, { id: 'b', ttlMs: minute });
    expect(await store().hold(key, { id: 'c', ttlMs: 1 })).to.deep.equal({ id: 'b', isConfirmed: true });
    await store().confirm(key, { id: 'b', ttlMs: 1 });
    await waitFor(async () => (await store().holder(key)) === undefined);
  });

  it('replaces what came before, once the later one is in the broker and not earlier', async () => {
    const first = await store().enter(key, minute);
    const second = await store().enter(key, minute);

    expect(second.number).to.be.greaterThan(first.number);
    expect(await store().begin(key, first.number)).to.equal(true);
    await store().supersede(key, { number: second.number, ttlMs: minute });
    expect(await store().begin(key, first.number)).to.equal(false);
    expect(await store().begin(key, second.number)).to.equal(true);
    await store().supersede(key, { number: first.number, ttlMs: minute });
    expect(await store().begin(key, second.number)).to.equal(true);
  });

  it('counts the age of a burst from its first entry, anew once one began', async () => {
    const first = await store().enter(key, minute);
    expect(first.ageMs).to.equal(0);
    await waitFor(async () => (await store().enter(key, minute)).ageMs > 1);

    await store().begin(key, first.number);
    expect((await store().enter(key, minute)).ageMs).to.equal(0);
  });
}

describe('key stores', function () {
  this.timeout(60_000);

  describe('in memory', () => {
    let opened: KeyStore;
    before(async () => {
      opened = await (await source('memory://')).open();
    });
    keepsTheRules(() => opened);

    it('is one for everything of a process with the same clock', async () => {
      expect(await (await source('memory://')).open()).to.equal(opened);
    });
  });

  describe('on Redis', () => {
    let server: Redis;
    let opened: KeyStore;
    before(async function () {
      requireRedis(this);
      server = await Redis.start();
      opened = await (await source(server.url)).open();
    });
    after(async () => {
      await (opened as KeyStore | undefined)?.close();
      await (server as Redis | undefined)?.[Symbol.asyncDispose]();
    });
    keepsTheRules(() => opened);
  });

  describe('on a Redis that does not answer', () => {
    it('rejects with a code, soon, and works again when the server does', async function () {
      requireRedis(this);
      await using server = await Redis.start();
      const stores = await source(server.url, 0.3);
      const store = await stores.open();
      expect((await store.claim('k', ask('a'))).state).to.equal('claimed');

      process.kill(server.pid, 'SIGSTOP');
      const errors = await Promise.all(
        Array.from({ length: 50 }, () => store.claim('k', ask('b')).catch((error: unknown) => error)),
      );
      process.kill(server.pid, 'SIGCONT');

      for (const error of errors) expect(isCeleriacError(error, 'ERR_REDIS_UNAVAILABLE')).to.equal(true);
      await waitFor(() =>
        store.claim('k', ask('c')).then(
          ({ state }) => state === 'held',
          () => false,
        ),
      );
      await stores.close();
    });

    it('does not wait for one that was never there, nor shows its password', async () => {
      const stores = await source('redis://me:canary@127.0.0.1:1/0', 0.3);
      const store = await stores.open();

      const error: unknown = await store.holder('k').catch((thrown: unknown) => thrown);

      expect(isCeleriacError(error, 'ERR_REDIS_UNAVAILABLE')).to.equal(true);
      expect(String(error)).to.contain('redis://me:***@127.0.0.1:1/0').and.not.to.contain('canary');
      await stores.close();
      expect(await store.holder('k').catch((thrown: unknown) => String(thrown))).to.contain('closed');
    });
  });
});
