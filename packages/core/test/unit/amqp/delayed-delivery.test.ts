/** The delay topology against Celery's own, and against a simulation of how a broker walks it. No broker. */
import { readFileSync } from 'node:fs';

import { expect } from 'chai';
import fc from 'fast-check';

import {
  delayedBinding,
  delayedExchange,
  delayedRoutingKey,
  delayedSeconds,
  delayedTarget,
  delayTopologies,
  isDelayedTo,
} from '../../../dist/amqp/delayed-delivery.js';
import { longestDelaySeconds, wholeDelaySeconds } from '../../../dist/policy/delay.js';
import { matchesPattern } from '../../../dist/policy/routing.js';

interface Captured {
  readonly topology: {
    readonly queues: readonly { name: string; arguments: readonly [string, string, unknown][] }[];
    readonly exchanges: readonly { name: string; type: string }[];
    readonly bindings: readonly {
      source_name: string;
      destination_name: string;
      destination_kind: string;
      routing_key: string;
    }[];
  };
  readonly published: readonly { exchange: string; routing_key: string }[];
}

const captured = JSON.parse(
  readFileSync(new URL('../../../test/fixtures/celery/quorum-delayed-5.6.3.json', import.meta.url), 'utf8'),
) as Captured;
const levels = delayTopologies('quorum');
/** Of all levels. */
const topology = {
  exchanges: levels.flatMap(({ exchanges }) => exchanges),
  queues: levels.flatMap(({ queues }) => queues),
  bindings: levels.flatMap(({ bindings }) => bindings),
  exchangeBindings: levels.flatMap(({ exchangeBindings = [] }) => exchangeBindings),
};

/** As RabbitMQ lists it: name, type, value. */
function typed([name, value]: [string, unknown]): unknown[] {
  if (typeof value === 'string') return [name, 'longstr', value];
  const { '!': type, value: number } = value as { '!': string; value: number };
  return [name, type === 'int32' ? 'signedint' : 'long', number];
}

describe('the delay topology', () => {
  it("has Celery 5.6's queues, argument for argument and type for type", () => {
    const ours = topology.queues.map(({ name, arguments: args }) => ({
      name,
      arguments: Object.entries(args).map(typed),
    }));
    const theirs = captured.topology.queues.map(({ name, arguments: args }) => ({ name, arguments: args }));

    expect(ours).to.have.length(28);
    for (const { name, arguments: args } of theirs) {
      expect(ours.find((one) => one.name === name)?.arguments, name).to.have.deep.members([...args]);
    }
  });

  it('has its exchanges and bindings', () => {
    const { exchanges, bindings } = captured.topology;
    expect([...topology.exchanges].sort((a, b) => (a.name < b.name ? -1 : 1))).to.deep.equal(
      exchanges.map(({ name, type }) => ({ name, type })),
    );
    const ours = [
      ...topology.bindings.map(({ exchange, queue, routingKey }) => [exchange, 'queue', queue, routingKey]),
      ...topology.exchangeBindings.map((one) => [one.source, 'exchange', one.destination, one.routingKey]),
    ];
    const theirs = bindings
      .filter((one) => one.source_name !== 'celery_delayed_delivery')
      .map((one) => [one.source_name, one.destination_kind, one.destination_name, one.routing_key]);
    expect(ours).to.have.deep.members(theirs);
  });

  it('has no strategy on classic queues, which refuse it', () => {
    for (const queue of delayTopologies('classic').flatMap(({ queues }) => queues)) {
      expect(queue.arguments).to.include({ 'x-queue-type': 'classic' });
      expect(queue.arguments).not.to.have.property('x-dead-letter-strategy');
    }
  });

  it('is declared so that nothing leads to what is not there yet', () => {
    const there = new Set<string>();
    for (const { exchanges, queues } of levels) {
      for (const { name } of exchanges) there.add(name);
      for (const { arguments: args } of queues) expect(there).to.include(args['x-dead-letter-exchange']);
    }
    expect(levels.at(-1)?.exchanges).to.deep.equal([{ name: 'celery_delayed_27', type: 'topic' }]);
  });

  it('makes the keys that Celery makes', () => {
    const [five] = captured.published;
    expect(delayedRoutingKey(5, 'qtasks')).to.equal(five!.routing_key);
    expect(five!.exchange).to.equal('celery_delayed_27');
    expect([1, 2, 5, 2 ** 27, longestDelaySeconds].map(delayedExchange)).to.deep.equal([
      'celery_delayed_0',
      'celery_delayed_1',
      'celery_delayed_2',
      'celery_delayed_27',
      'celery_delayed_27',
    ]);
  });

  it('has room for every delay up to the longest, with 28 bits', () => {
    expect(delayedRoutingKey(longestDelaySeconds, 'q')).to.equal(`${'1.'.repeat(28)}q`);
    expect(delayedRoutingKey(1, 'q')).to.equal(`${'0.'.repeat(27)}1.q`);
  });

  it('lets a message wait exactly its seconds, and brings it to its queue only', () => {
    const word = fc.stringMatching(/^[a-z*#]{1,4}$/u);
    const name = fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => words.join('.'));
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: longestDelaySeconds }),
        fc.uniqueArray(name, { minLength: 1, maxLength: 5 }),
        (seconds, queues) => {
          const [target] = queues as [string];
          expect(walk(delayedRoutingKey(seconds, target), queues)).to.deep.equal({
            seconds,
            queues: [target],
          });
        },
      ),
      { numRuns: 500 },
    );
  });

  it("never reaches a queue whose name only ends the same: 'b' gets nothing of 'a.b'", () => {
    expect(walk(delayedRoutingKey(3, 'a.b'), ['b', 'a.b']).queues).to.deep.equal(['a.b']);
    // What Celery binds would: the reason for the exact key.
    expect(matchesPattern('#.b', delayedRoutingKey(3, 'a.b'))).to.equal(true);
  });

  it('keeps the keys of the longest queue names within 255 bytes, and apart', () => {
    const long = (last: string): string => `${'x'.repeat(254)}${last}`;
    for (const queue of [long('a'), 'ž'.repeat(120), 'a'.repeat(199), 'a'.repeat(200)]) {
      expect(Buffer.byteLength(delayedRoutingKey(longestDelaySeconds, queue))).to.be.at.most(255);
      expect(Buffer.byteLength(delayedBinding(queue).routingKey)).to.be.at.most(255);
    }
    expect(walk(delayedRoutingKey(1, long('a')), [long('a'), long('b')]).queues).to.deep.equal([long('a')]);
  });

  it('reads the target back from what was published', () => {
    const message = { exchange: delayedExchange(77), routingKey: delayedRoutingKey(77, 'a.b') };
    expect(delayedTarget(message)).to.equal('a.b');
    expect(isDelayedTo('a.b', message)).to.equal(true);
    expect(isDelayedTo('b', message)).to.equal(false);
    expect(delayedSeconds(message)).to.equal(77);
    expect(delayedTarget({ exchange: '', routingKey: 'a.b' })).to.equal(undefined);
    expect(delayedSeconds({ exchange: '', routingKey: 'a.b' })).to.equal(0);
  });
});

describe('wholeDelaySeconds', () => {
  it('is never less than the delay, and less than a second more', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.001, max: longestDelaySeconds * 1000, noNaN: true }), (ms) => {
        const seconds = wholeDelaySeconds(ms);
        expect(seconds)
          .to.be.at.least(ms / 1000)
          .and.be.below(ms / 1000 + 1);
        expect(Number.isInteger(seconds)).to.equal(true);
      }),
    );
  });

  it('is 0 for what is due, and cut at the longest', () => {
    expect([0, -1, NaN].map(wholeDelaySeconds)).to.deep.equal([0, 0, 0]);
    expect(wholeDelaySeconds(Infinity)).to.equal(longestDelaySeconds);
  });
});

/** As a broker does: from exchange to exchange, into queues that hold it and dead-letter it. */
function walk(
  routingKey: string,
  queues: readonly string[],
  entrance = 'celery_delayed_27',
): { seconds: number; queues: string[] } {
  const found: string[] = [];
  let seconds = 0;
  const ends = queues.map(delayedBinding);
  const enter = (exchange: string): void => {
    for (const one of topology.bindings.filter((binding) => binding.exchange === exchange)) {
      if (!matchesPattern(one.routingKey, routingKey)) continue;
      const spec = topology.queues.find(({ name }) => name === one.queue)!;
      seconds += (spec.arguments['x-message-ttl'] as { value: number }).value / 1000;
      enter(spec.arguments['x-dead-letter-exchange'] as string);
    }
    for (const one of topology.exchangeBindings) {
      if (one.source === exchange && matchesPattern(one.routingKey, routingKey)) enter(one.destination);
    }
    for (const one of ends) {
      if (one.exchange === exchange && matchesPattern(one.routingKey, routingKey)) found.push(one.queue);
    }
  };
  enter(entrance);
  return { seconds, queues: found };
}
