/** What a journal adds up to, and that writing it anew changes nothing: orders above all. */
import { expect } from 'chai';

import { keptMessages, KeptState } from '../../../dist/journal/kept-state.js';
import type { JournalRecord } from '../../../dist/journal/records.js';
import { snapshot } from '../../../dist/journal/snapshot.js';
import { entry } from '../../support/messages.js';

const declared = (name: string, id: number): JournalRecord => ({
  kind: 'queue declared',
  vhost: '/',
  id,
  queue: { name, autoDelete: false, arguments: {} },
});
const added = (position: number): JournalRecord => ({ kind: 'added', id: 1, entry: entry(position) });
const delivered = (position: number): JournalRecord => ({ kind: 'delivered', id: 1, position });
const removed = (position: number): JournalRecord => ({ kind: 'removed', id: 1, position });
const returned = (position: number, place: 'its own' | 'last' | 'first'): JournalRecord => ({
  kind: 'returned',
  id: 1,
  position,
  place,
  deliveryCount: 2,
  acquiredCount: 3,
});
const bound = (source: string, queue: string): JournalRecord => ({
  kind: 'bound',
  vhost: '/',
  binding: { source, destination: { kind: 'queue', name: queue }, routingKey: 'k', arguments: {} },
});
const exchange = (name: string): JournalRecord => ({
  kind: 'exchange declared',
  vhost: '/',
  exchange: { name, type: 'topic', durable: true, autoDelete: false, internal: false, arguments: {} },
});

function stateOf(records: Iterable<JournalRecord>): KeptState {
  const state = new KeptState();
  for (const record of records) state.apply(record, 100);
  return state;
}

function order(state: KeptState): Record<'waiting' | 'first' | 'given', number[]> | undefined {
  const queue = state.vhost('/').queues.get('q');
  if (queue === undefined) return undefined;
  const { waiting, first, given } = keptMessages(queue);
  const positions = (entries: typeof waiting): number[] => entries.map(({ position }) => position);
  return { waiting: positions(waiting), first: positions(first), given: positions(given) };
}

describe('what a journal adds up to', () => {
  const moved = [
    declared('q', 1),
    ...[0, 1, 2, 3, 4, 5, 6, 7].map(added),
    ...[5, 1, 0, 2, 3, 4].map(delivered),
    returned(3, 'first'),
    returned(2, 'first'),
    returned(0, 'last'),
    returned(4, 'its own'),
    removed(6),
  ];

  it('knows the orders in which messages wait, have come back, and were given away', () => {
    expect(order(stateOf(moved))).to.deep.equal({ waiting: [4, 7, 0], first: [3, 2], given: [5, 1] });
  });

  it('is the same when it is written anew, counts included', () => {
    const state = stateOf(moved);
    const again = stateOf(snapshot(state));

    expect(order(again)).to.deep.equal(order(state));
    const counts = [...(again.vhost('/').queues.get('q')?.entries.values() ?? [])].map(
      ({ entry: { position, redelivered, deliveryCount, acquiredCount } }) =>
        redelivered ? [position, deliveryCount, acquiredCount] : [position],
    );
    expect(counts).to.deep.equal([[1], [2, 2, 3], [3, 2, 3], [4, 2, 3], [5], [7], [0, 2, 3]]);
  });

  it('forgets with a queue or an exchange what was bound to it', () => {
    const all = [declared('q', 1), declared('r', 2), exchange('x'), exchange('y')];
    const bindings = [bound('x', 'q'), bound('y', 'q'), bound('x', 'r'), bound('y', 'r')];
    const kept = (...more: JournalRecord[]): string[] =>
      [
        ...stateOf([...all, ...bindings, ...more])
          .vhost('/')
          .bindings.values(),
      ].map(({ is }) => `${is.source} ${is.destination.name}`);

    expect(kept({ kind: 'queue deleted', id: 1 })).to.deep.equal(['x r', 'y r']);
    expect(kept({ kind: 'exchange deleted', vhost: '/', name: 'x' })).to.deep.equal(['y q', 'y r']);
  });

  it('takes no room when nothing of it is left', () => {
    const state = stateOf([...moved, exchange('x'), bound('x', 'q'), bound('x', 'q')]);
    expect(state.liveBytes).to.be.greaterThan(1000);
    for (const record of [
      { kind: 'queue deleted', id: 1 },
      { kind: 'exchange deleted', vhost: '/', name: 'x' },
    ] as const) {
      state.apply(record, 100);
    }

    expect(state.liveBytes).to.equal(0);
  });

  it('is not changed by what names something that is not there', () => {
    const state = stateOf(moved);
    for (const record of [added(99), delivered(99), returned(99, 'last'), removed(99)]) {
      const elsewhere = { ...record, id: 7 } as JournalRecord;
      state.apply(elsewhere, 100);
      if (record.kind !== 'added') state.apply(record, 100);
    }

    expect(order(state)).to.deep.equal(order(stateOf(moved)));
  });
});
