/** What a relay may expect of every outbox store: the same scenarios in memory and in PostgreSQL. */
import {
  type ClaimedRecord,
  MemoryDatabase,
  MemoryOutboxStore,
  type OutboxRecord,
  type OutboxStore,
} from '@celeriac/outbox';
import { expect } from 'chai';

import { OutboxBench } from '../support/outbox.js';
import { type Postgres, usePostgres } from '../support/postgres.js';

interface Subject extends AsyncDisposable {
  readonly store: OutboxStore<never>;
  /** Writes and commits. */
  readonly write: (...records: OutboxRecord[]) => Promise<void>;
}

function inMemory(): Promise<Subject> {
  const store = new MemoryOutboxStore();
  const database = new MemoryDatabase();
  const write: Subject['write'] = (...records) => database.transaction((tx) => store.write(tx, records));
  return Promise.resolve({ store, write, [Symbol.asyncDispose]: () => Promise.resolve() });
}

async function inPostgres(postgres: Postgres): Promise<Subject> {
  const bench = await OutboxBench.create(postgres);
  const { store } = bench;
  const write: Subject['write'] = (...records) => bench.transaction((tx) => store.write(tx, records));
  return { store, write, [Symbol.asyncDispose]: () => bench[Symbol.asyncDispose]() };
}

function record(messageId: string, more: Partial<OutboxRecord> = {}): OutboxRecord {
  return {
    messageId,
    kind: 'task',
    name: 'x',
    queue: 'q',
    orderKey: undefined,
    eta: undefined,
    expires: undefined,
    mandatory: true,
    properties: Buffer.from([0, 255, 0x5c, 0x78]),
    body: Buffer.from('0123456789'),
    ...more,
  };
}

const ids = (records: readonly { readonly messageId: string }[]): string[] =>
  records.map(({ messageId }) => messageId);

const hour = 3_600_000;
const subjects = {
  'in memory': inMemory,
  'in PostgreSQL': inPostgres,
};

describe('an outbox store', function () {
  const postgres = usePostgres();

  for (const [where, create] of Object.entries(subjects)) {
    describe(where, () => {
      let subject: Subject;
      let store: OutboxStore<never>;

      beforeEach(async () => {
        subject = await create(postgres());
        store = subject.store;
      });

      afterEach(async () => {
        await subject[Symbol.asyncDispose]();
      });

      const claim = (owner: string, more = {}): Promise<readonly ClaimedRecord[]> =>
        store.claim({ owner, limit: 100, limitBytes: 1e9, leaseMs: hour, ...more });

      it('gives rows as they were written, and their age', async () => {
        const task = record('a', { orderKey: 'k', eta: 1_900_000_000_123, expires: 1_900_000_001_456 });
        const event = record('b', {
          kind: 'event',
          queue: undefined,
          mandatory: false,
          body: Buffer.alloc(0),
        });
        await subject.write(task, event);

        const [first, second] = await claim('me');

        expect(first).to.deep.include({ ...task, attempts: 0 });
        expect(second).to.deep.include({ ...event, attempts: 0 });
        expect(first?.ageMs).to.be.within(0, 60_000);
      });

      for (const [what, error] of [
        ['a NUL', 'reply \0 text'],
        ['half a character', 'reply \ud83d text'],
        ['no end', 'x'.repeat(1_000_000)],
      ] as const) {
        it(`keeps how rows ended when an error has ${what}`, async () => {
          await subject.write(record('a'), record('b'));
          const [a, b] = (await claim('me')).map(({ position }) => position) as [string, string];

          await store.settle('me', [
            { position: a, how: 'set-aside', attempts: 1, error },
            { position: b, how: 'again', afterMs: 0, attempts: 1, error },
          ]);

          expect((await store.setAside({ limit: 1 }))[0]?.error).to.match(/^(reply . text|x+…?)$/su);
          expect(ids(await claim('me'))).to.deep.equal(['b']);
        });
      }

      it('gives each row to one relay, in order, until its lease is over', async () => {
        await subject.write(record('a'), record('b'), record('c'));

        expect(ids(await claim('one', { limit: 2, leaseMs: 0 }))).to.deep.equal(['a', 'b']);
        expect(ids(await claim('two', { limit: 2 }))).to.deep.equal(['a', 'b']);
        expect(ids(await claim('three'))).to.deep.equal(['c']);
        expect(await claim('four')).to.deep.equal([]);
      });

      it('gives no more bytes than asked for, but one row in any case', async () => {
        await subject.write(record('a'), record('b'), record('c'), record('d'));

        expect(ids(await claim('me', { limitBytes: 5 }))).to.deep.equal(['a']);
        expect(ids(await claim('me', { limitBytes: 11 }))).to.deep.equal(['b', 'c']);
      });

      it('removes what was published whoever has it, and hears other news only from whoever has it', async () => {
        await subject.write(record('a'), record('b'));
        const [a, b] = (await claim('slow', { leaseMs: 0 })) as [ClaimedRecord, ClaimedRecord];
        await claim('other');

        await store.settle('slow', [
          { position: a.position, how: 'published' },
          { position: b.position, how: 'set-aside', attempts: 9, error: 'late news' },
        ]);

        expect(await store.stats()).to.include({ pending: 1, setAside: 0 });
        expect(await claim('third')).to.deep.equal([]);
      });

      it('gives a row again when its pause is over, with what was counted, whatever its lease was', async () => {
        await subject.write(record('a'), record('b'));
        const [a, b] = (await claim('me')) as [ClaimedRecord, ClaimedRecord];
        await store.settle('me', [
          { position: a.position, how: 'again', afterMs: 0, attempts: 3, error: 'no' },
          { position: b.position, how: 'again', afterMs: hour, attempts: 1, error: 'no' },
        ]);

        const again = await claim('me');

        expect(ids(again)).to.deep.equal(['a']);
        expect(again[0]).to.include({ attempts: 3 });
      });

      it('keeps what was set aside out of the way until it is brought back', async () => {
        await subject.write(record('a'), record('b'));
        const claimed = await claim('me');
        const endings = claimed.map(({ position }) => ({
          position,
          attempts: 12,
          error: 'no queue took it',
        }));
        await store.settle(
          'me',
          endings.map((one) => ({ ...one, how: 'set-aside' as const })),
        );
        expect(await claim('me', { leaseMs: 0 })).to.deep.equal([]);
        const aside = await store.setAside({ limit: 10 });
        expect(ids(aside)).to.deep.equal(['a', 'b']);
        expect(aside[0]).to.include({ kind: 'task', name: 'x', attempts: 12, error: 'no queue took it' });
        expect(aside[0]?.at.getTime()).to.be.closeTo(Date.now(), 60_000);
        expect(await store.setAside({ limit: 1 })).to.have.length(1);

        expect(await store.bringBack([aside[1]?.position ?? ''])).to.equal(1);
        const again = await claim('me');

        expect(ids(again)).to.deep.equal(['b']);
        expect(again[0]).to.include({ attempts: 0 });
        expect(await store.stats()).to.include({ pending: 1, setAside: 1 });
        expect(await store.bringBack()).to.equal(1);
        expect(await store.bringBack()).to.equal(0);
      });

      it('gives rows of an order key only with all before them, and passes by those that wait', async () => {
        const [k, l] = [{ orderKey: 'k' }, { orderKey: 'l' }];
        await subject.write(
          record('k1', k),
          record('k2', k),
          record('l1', l),
          record('k3', k),
          record('none'),
        );
        const [k1, k2] = (await claim('me', { limit: 2 })) as [ClaimedRecord, ClaimedRecord];
        expect(ids([k1, k2])).to.deep.equal(['k1', 'k2']);
        expect(ids(await claim('other'))).to.deep.equal(['l1', 'none']);
        await store.settle('me', [
          { position: k1.position, how: 'published' },
          { position: k2.position, how: 'again', afterMs: hour, attempts: 1, error: 'no' },
        ]);
        expect(await claim('other')).to.deep.equal([]);
      });

      it('lets a row that is set aside hold up none of its order key', async () => {
        await subject.write(record('k1', { orderKey: 'k' }), record('k2', { orderKey: 'k' }));
        const [k1] = (await claim('me', { limit: 1 })) as [ClaimedRecord];
        await store.settle('me', [{ position: k1.position, how: 'set-aside', attempts: 1, error: 'no' }]);

        expect(ids(await claim('me'))).to.deep.equal(['k2']);
      });

      it('tells of every write that is committed', async () => {
        let woken = 0;
        let heard: () => void = () => undefined;
        const first = new Promise<void>((resolve) => (heard = resolve));
        const close = await store.listen?.({
          wake: () => {
            woken++;
            heard();
          },
          lost: () => undefined,
        });

        await subject.write(record('a'), record('b'));
        await first;
        await close?.();

        expect(woken).to.equal(1);
      });
    });
  }
});
