/** What a relay that dies leaves behind: every committed row is published at least once, under its id. */
import { fileURLToPath } from 'node:url';

import { OutboxRelay, type PgQueryable, PostgresOutboxStore } from '@celeriac/outbox';
import { expect } from 'chai';

import { OutboxBench } from '../support/outbox.js';
import { usePostgres } from '../support/postgres.js';
import { start } from '../support/processes.js';
import { waitFor } from '../support/wait-for.js';

const program = fileURLToPath(new URL('../support/programs/relay.js', import.meta.url));

/** Stops everything that passes through it before or after its n-th call, for ever: what a dead process looks like. */
class Guillotine {
  steps = 0;
  fallen = false;
  #at: number;

  constructor(at: number) {
    this.#at = at;
  }

  async pass<T>(work: () => Promise<T>): Promise<T> {
    await this.#step();
    const value = await work();
    await this.#step();
    return value;
  }

  async #step(): Promise<void> {
    if (this.steps++ >= this.#at) this.fallen = true;
    if (this.fallen) await new Promise(() => undefined);
  }
}

describe('a relay that dies', function () {
  const postgres = usePostgres();

  /** A relay whose every call to the database and the broker passes the blade. */
  function mortal(bench: OutboxBench, blade: Guillotine): OutboxRelay {
    const { publisher } = bench.publisher;
    const pool: PgQueryable = { query: (text, values) => blade.pass(() => bench.pool.query(text, values)) };
    return new OutboxRelay({
      store: new PostgresOutboxStore({ pool, schema: bench.schema }),
      publisher: {
        publishPrepared: (message, options) => blade.pass(() => publisher.publishPrepared(message, options)),
      },
      poll: '1h',
      storeTimeout: '1s',
    });
  }

  const ids = ['a', 'b', 'c'];

  it('at any step loses nothing, and publishes twice only what was confirmed and not yet told', async () => {
    await using bench = await OutboxBench.create(postgres());
    const twice: string[] = [];
    let steps = Infinity;
    for (let at = 0; at <= steps; at++) {
      bench.broker.broker.purge('celeriac');
      await bench.send(...ids);
      const blade = new Guillotine(at === 0 ? Infinity : at - 1); // the first run only counts
      const relay = mortal(bench, blade).start();
      await waitFor(async () => blade.fallen || (await bench.store.stats()).pending === 0);
      if (at === 0) steps = blade.steps;
      await relay.stop({ grace: 0 });
      await bench.endLeases();
      const heir = bench.relay({ poll: '10ms' });
      await bench.untilPublished();
      await heir.stop();

      const found = bench.idsIn();
      expect([...new Set(found)].sort(), `dead at step ${at}`).to.deep.equal(ids);
      if (found.length > ids.length) twice.push(...found.slice(ids.length));
    }

    // Before and after the claim, three publishes, and the settling; one further claim may have begun.
    expect(steps).to.be.within(10, 12);
    expect(new Set(twice)).to.deep.equal(new Set(ids));
  });

  it('of SIGKILL in full flow loses nothing, and neither do its heirs', async () => {
    await using bench = await OutboxBench.create(postgres());
    const wanted = Array.from({ length: 1500 }, (_, n) => `id-${n}`);
    const written = (async () => {
      for (let from = 0; from < wanted.length; from += 10) await bench.send(...wanted.slice(from, from + 10));
    })();
    const args = [program, postgres().connectionString, bench.schema, bench.broker.url];
    for (let death = 1; death <= 4; death++) {
      const relay = start('node', args);
      await waitFor(() => new Set(bench.idsIn()).size >= death * 250, { every: 5 });
      relay.kill('SIGKILL');
      expect(await relay.exited).to.equal('SIGKILL');
      await bench.endLeases();
    }
    const last = start('node', args);
    await written;
    await bench.untilPublished();
    last.kill('SIGTERM');

    expect(await last.exited, last.output()).to.equal(0);
    expect(last.output()).to.include('stopped {"unfinished":0}');
    const found = bench.idsIn();
    expect(new Set(found)).to.deep.equal(new Set(wanted));
    expect(found.length - wanted.length).to.be.at.most(4 * 20); // a batch per death
  });

  for (const seed of [1, 2, 3]) {
    it(`does not, when connections to the broker are cut and confirms refused at random (seed ${seed})`, async () => {
      await using bench = await OutboxBench.create(postgres());
      const { faults } = bench.broker.broker;
      const wanted = Array.from({ length: 100 }, (_, n) => `id-${n}`);
      await bench.send('warm-up');
      bench.relay({
        retry: { first: '10ms', longest: '50ms' },
        poll: '20ms',
        batchSize: 10,
        publishTimeout: '2s',
      });
      await bench.untilPublished();
      faults.random({
        seed,
        likelihood: 0.02,
        kinds: ['drop', 'nack-confirm', 'close-channel', 'close-connection'],
      });
      await bench.send(...wanted);
      await bench.untilPublished();
      faults.clear();

      expect(faults.history.length).to.be.greaterThan(3);
      expect(new Set(bench.idsIn())).to.deep.equal(new Set(['warm-up', ...wanted]));
    });
  }
});
