/** The gate of idempotency keys on a store in memory: what it does when the store fails, or a lease ends. No broker. */
import {
  CeleriacError,
  Checkpoint,
  type Config,
  type KeyStore,
  loadConfig,
  MemoryKeyStore,
  type TaskMessage,
} from '@celeriac/core';
import { expect } from 'chai';

import { dispatch } from '../../../dist/dispatch.js';
import type { DispatchParts } from '../../../dist/dispatch-parts.js';
import { idempotencyGate } from '../../../dist/gates/idempotency.js';
import type { Work } from '../../../dist/work.js';
import { settled } from '../../../../core/dist-test/support/manual-clock.js';
import { Bench, noRetries } from '../../support/fakes.js';

/** Its methods, for copies of it that change some. */
function bound(store: KeyStore): Partial<KeyStore> {
  return {
    claim: (...given) => store.claim(...given),
    renew: (...given) => store.renew(...given),
    complete: (...given) => store.complete(...given),
    release: (...given) => store.release(...given),
  };
}

const down = new CeleriacError('ERR_REDIS_UNAVAILABLE', { message: 'It is down.' });

describe('the gate of idempotency keys', () => {
  let bench: Bench;
  let store: MemoryKeyStore;
  let logged: string[];
  let config: Config['key_store'];
  beforeEach(async () => {
    bench = new Bench();
    store = new MemoryKeyStore(bench.clock);
    logged = [];
    ({ key_store: config } = await loadConfig({ key_store: { lease: 30 } }, { env: {} }));
  });

  interface Given {
    readonly over?: Partial<KeyStore>;
    readonly policy?: 'run' | 'wait';
    readonly run?: Work['run'];
    readonly message?: TaskMessage;
  }
  let owners = 0;
  const parts = ({
    over = {},
    policy = 'run',
    run = () => undefined,
    message,
  }: Given = {}): DispatchParts => {
    const opened: KeyStore = { ...bound(store), ...over } as KeyStore;
    const log = (message: string): void => void logged.push(message);
    const gate = idempotencyGate({
      keyStore: { open: () => Promise.resolve(opened) },
      config: { ...config, when_unavailable: policy },
      clock: bench.clock,
      logger: { debug: log, info: log, warn: log, error: log },
      newId: () => `owner ${owners++}`,
      keyOf: () => ({ key: 'k', windowMs: 60_000 }),
    });
    const work = { id: '1', name: 'a', retries: 0, policy: noRetries, input: [], run, message };
    return { ...bench.parts(() => ({ work })), gates: [gate] };
  };
  const fails = (): Promise<never> => Promise.reject(down);

  it('lets work run without its key where the store fails and the policy is to run', async () => {
    await dispatch(bench.delivery(), parts({ over: { claim: fails } }));

    expect(bench.outcomes).to.deep.equal(['succeeded']);
    expect(logged.join()).to.contain('runs without its key');
  });

  it('puts work off through the broker where the store fails and the policy is to wait', async () => {
    await dispatch(bench.delivery(), parts({ over: { claim: fails }, policy: 'wait' }));

    expect(bench.outcomes).to.deep.equal(['deferred']);
    expect(bench.calls).to.deep.equal(['publish', 'ack']);
  });

  it('writes down that it is done before the message is acknowledged', async () => {
    const complete: KeyStore['complete'] = (...given) => {
      bench.calls.push('done');
      return store.complete(...given);
    };
    await dispatch(bench.delivery(), parts({ over: { complete } }));
    await dispatch(bench.delivery(), parts());

    expect(bench.calls).to.deep.equal(['started', 'done', 'ack', 'ack']);
    expect(bench.outcomes).to.deep.equal(['succeeded', 'repeated']);
  });

  it('lets a task go on from its checkpoint, and the message that it went on from not run again', async () => {
    const atCheckpoint = (): never => {
      throw new Checkpoint({ page: 2 });
    };
    const copy = { checkpoint: { state: { page: 2 }, number: 1 } } as unknown as TaskMessage;

    await dispatch(bench.delivery(), parts({ run: atCheckpoint }));
    await dispatch(bench.delivery(), parts()); // a crash before the acknowledgement brought it back
    await dispatch(bench.delivery(), parts({ message: copy }));
    await dispatch(bench.delivery(), parts({ message: copy }));

    expect(bench.outcomes).to.deep.equal(['checkpointed', 'repeated', 'succeeded', 'repeated']);
    expect(bench.calls).to.deep.equal(['started', 'publish', 'ack', 'ack', 'started', 'ack', 'ack']);
  });

  it('tries on to write it down for as long as its lease, where the policy is to wait', async () => {
    let tries = 0;
    const complete: KeyStore['complete'] = (...given) => (++tries < 3 ? fails() : store.complete(...given));
    const done = dispatch(bench.delivery(), parts({ over: { complete }, policy: 'wait' }));
    await settled();
    expect(bench.calls).to.deep.equal(['started']);
    for (let second = 0; second < 5; second++) {
      await bench.clock.advance(1_000);
      await settled();
    }
    await done;

    expect(tries).to.equal(3);
    expect(bench.calls).to.deep.equal(['started', 'ack']);
    expect((await store.claim('k', claim)).state).to.equal('done');
  });

  it('acknowledges all the same when it cannot be written down until the lease ends', async () => {
    const done = dispatch(bench.delivery(), parts({ over: { complete: fails }, policy: 'wait' }));
    for (let second = 0; second < 40; second++) {
      await settled();
      await bench.clock.advance(1_000);
    }
    await done;

    expect(bench.calls).to.deep.equal(['started', 'ack']);
    expect((await store.claim('k', claim)).state).to.equal('claimed');
  });

  const claim = { owner: 'other', leaseMs: 1_000, windowMs: 60_000, chain: 'other', attempt: 1 };

  it('renews its claim while the handler runs, and no longer', async () => {
    let end: () => void = () => undefined;
    const run = (): Promise<void> => new Promise((resolve) => (end = resolve));
    const done = dispatch(bench.delivery(), parts({ run }));
    for (let second = 0; second < 100; second++) {
      await settled();
      await bench.clock.advance(1_000);
    }
    expect((await store.claim('k', claim)).state).to.equal('held');
    end();
    await done;

    expect((await store.claim('k', claim)).state).to.equal('done');
    expect(bench.clock.timers).to.equal(0);
  });

  it('goes on, and says so, when its lease has ended and somebody else has begun', async () => {
    let end: () => void = () => undefined;
    const run = (): Promise<void> => new Promise((resolve) => (end = resolve));
    const done = dispatch(bench.delivery(), parts({ run, over: { renew: () => Promise.resolve(false) } }));
    await settled();
    await bench.clock.advance(31_000);
    await settled();
    expect((await store.claim('k', { ...claim, leaseMs: 60_000 })).state).to.equal('claimed');
    end();
    await done;

    expect(logged.join()).to.contain('begun again elsewhere: it goes on');
    expect(logged.join()).to.contain('done, but its lease had ended');
  });

  it('gives the key back when the handler fails, and when the work never starts', async () => {
    const run = (): never => {
      throw new Error('boom');
    };
    await dispatch(bench.delivery(), parts({ run }));
    expect((await store.claim('k', claim)).state).to.equal('claimed');
    await store.release('k', { ...claim, retried: undefined });

    const stopping: KeyStore['claim'] = (...given) => {
      bench.stopping.abort(); // while it is being asked
      return store.claim(...given);
    };
    await dispatch(bench.delivery(), parts({ over: { claim: stopping } }));
    await settled();
    expect(bench.outcomes).to.deep.equal(['failed', 'notStarted']);
    expect((await store.claim('k', claim)).state).to.equal('claimed');
  });
});
