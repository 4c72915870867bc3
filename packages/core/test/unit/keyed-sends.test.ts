/** What stands between a send and its publish where it has a key: other senders, failures, a store that is down. */
import { expect } from 'chai';

import { loadConfig } from '../../dist/config/load.js';
import { CeleriacError } from '../../dist/errors.js';
import type { SendKeyStore } from '../../dist/key-store/key-store.js';
import { MemoryKeyStore } from '../../dist/key-store/memory.js';
import { KeyedSends } from '../../dist/keyed-sends.js';
import type { SentMessage } from '../../dist/ports.js';
import type { PreparedTask } from '../../dist/prepared.js';
import { orderNumber, type SendPlan } from '../../dist/protocol/key-headers.js';
import { ManualClock, settled } from '../support/manual-clock.js';

const alone: SendPlan = { kind: 'hold', key: 'k', rule: 'queued', ttlMs: 60_000 };
const latest: SendPlan = { kind: 'latest', key: 'k', ttlMs: 60_000 };
const down = new CeleriacError('ERR_REDIS_UNAVAILABLE', { message: 'It is down.' });

const fails = (): Promise<never> => Promise.reject(down);
const broken: SendKeyStore = {
  hold: fails,
  confirm: fails,
  holder: fails,
  letGo: fails,
  enter: fails,
  supersede: fails,
};

describe('a send with a key', () => {
  let clock: ManualClock;
  let store: MemoryKeyStore;
  let published: PreparedTask[];
  beforeEach(() => {
    clock = new ManualClock();
    store = new MemoryKeyStore(clock);
    published = [];
  });

  const sends = async (policy: 'run' | 'wait' = 'run', opened: SendKeyStore = store): Promise<KeyedSends> => {
    const config = await loadConfig({ key_store: { when_unavailable: policy } }, { env: {} });
    return new KeyedSends({ keyStore: { open: () => Promise.resolve(opened) }, config, clock });
  };
  const ready = (id: string, publish?: () => Promise<void>) => ({
    prepared: {
      ...{ kind: 'task' as const, id, name: 'a', queue: 'q', body: Buffer.from('') },
      properties: { messageId: id, headers: {} },
    } as unknown as PreparedTask,
    timeoutMs: 1_000,
    publish: async (prepared: PreparedTask): Promise<SentMessage> => {
      await publish?.();
      published.push(prepared);
      return { id, exchange: '', routingKey: 'q' };
    },
  });
  const failing = (outcome: string) => () =>
    Promise.reject(new CeleriacError('ERR_PUBLISH_TIMEOUT', { message: 'No.', values: { outcome } }));
  const caught = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);

  it('waits for what becomes of another that is not confirmed yet, and is dropped for it when it is', async () => {
    const keyed = await sends();
    let confirm: () => void = () => undefined;
    const first = keyed.send(
      alone,
      ready('a', () => new Promise((resolve) => (confirm = resolve))),
    );
    await settled();
    const second = keyed.send(alone, ready('b'));
    await settled();
    await clock.advance(50);
    await settled();
    expect(published).to.deep.equal([]);
    confirm();
    await first;
    await clock.advance(50);

    expect(await second).to.include({ id: 'a', duplicateOf: 'a' });
    expect(published.map(({ id }) => id)).to.deep.equal(['a']);
  });

  it('is sent when the other one was refused', async () => {
    const keyed = await sends();
    expect(await caught(keyed.send(alone, ready('a', failing('not-sent'))))).to.be.instanceOf(CeleriacError);

    expect(await keyed.send(alone, ready('b'))).to.not.have.property('duplicateOf');
  });

  it('rejects when it stays unknown what becomes of the other, and is sent when that one has ended', async () => {
    const keyed = await sends();
    await caught(keyed.send(alone, ready('a', failing('unknown'))));
    const second = caught(keyed.send(alone, ready('b')));
    for (let turn = 0; turn < 25; turn++) {
      await settled();
      await clock.advance(50);
    }

    expect(await second).to.include({ code: 'ERR_UNIQUE_PENDING' });
    await clock.advance(10_000); // the publish timeout, and 5 seconds
    expect(await keyed.send(alone, ready('b'))).to.not.have.property('duplicateOf');
  });

  it('goes out again under its own id, whose outcome was unknown', async () => {
    const keyed = await sends();
    await caught(keyed.send(alone, ready('a', failing('unknown'))));

    expect(await keyed.send(alone, ready('a'))).to.not.have.property('duplicateOf');
    expect(published.map(({ id }) => id)).to.deep.equal(['a']);
  });

  it('replaces what came before only once it is confirmed itself', async () => {
    const keyed = await sends();
    await keyed.send(latest, ready('old'));
    const number = orderNumber(published[0]?.properties.headers) ?? 0;
    await caught(keyed.send(latest, ready('lost', failing('not-sent'))));
    expect(await store.begin('k', number)).to.equal(true);
    await keyed.send(latest, ready('new'));

    expect(await store.begin('k', number)).to.equal(false);
  });

  it('is sent as if it had none where the store is down and the policy is to run', async () => {
    const keyed = await sends('run', broken);
    const debounced: SendPlan = { ...latest, waitMs: 5_000 };

    for (const plan of [alone, latest, debounced]) await keyed.send(plan, ready('a'));

    expect(published).to.have.length(3);
    expect(published[2]?.eta).to.equal(clock.now() + 5_000);
  });

  it('is refused where the store is down and the policy is to wait', async () => {
    const keyed = await sends('wait', broken);

    for (const plan of [alone, latest]) expect(await caught(keyed.send(plan, ready('a')))).to.equal(down);
    expect(published).to.deep.equal([]);
  });

  it('stands when only its confirmation could not be written down', async () => {
    const confirm = (): Promise<never> => Promise.reject(down);
    const supersede = confirm;
    const hold: SendKeyStore['hold'] = (...given) => store.hold(...given);
    const enter: SendKeyStore['enter'] = (...given) => store.enter(...given);
    const keyed = await sends('wait', { hold, enter, confirm, supersede } as unknown as SendKeyStore);

    for (const plan of [alone, latest]) await keyed.send(plan, ready('a'));

    expect(published).to.have.length(2);
  });
});
