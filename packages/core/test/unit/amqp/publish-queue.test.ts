/** The bookkeeping of a publisher, against a model that keeps plain lists. No channel. */
import { expect } from 'chai';
import fc from 'fast-check';

import { type NewPublishing, PublishQueue, type Publishing } from '../../../dist/amqp/publish-queue.js';
import { outgoing } from './outgoing.js';

/** Makes equal ids tell apart in comparisons. */
let serial = 0;

function publishing(id: string, body = 1): NewPublishing {
  return {
    message: outgoing(id, { body: Buffer.alloc(body) }),
    properties: '',
    timeoutMs: 1000,
    deadlineAt: serial++,
    resolve: () => undefined,
    reject: () => undefined,
  };
}

/** Writes up to `most` messages, as the publisher does, and returns them. */
function write(queue: PublishQueue, most = Infinity): Publishing[] {
  const written: Publishing[] = [];
  for (let next = queue.next(); next !== undefined && written.length < most; next = queue.next()) {
    queue.launch(next);
    written.push(next);
  }
  return written;
}

const ids = (some: readonly Publishing[]): string[] => some.map((one) => one.message.properties.messageId);

describe('PublishQueue', () => {
  let queue: PublishQueue;
  beforeEach(() => {
    queue = new PublishQueue();
  });
  const add = (...names: string[]): void => {
    for (const name of names) queue.add(publishing(name));
  };

  it('gives the same message until it is launched', () => {
    add('a', 'b');
    expect(queue.next()).to.equal(queue.next());
    expect(queue.inFlight).to.equal(0);
  });

  it('puts a flight back in front of what waits, in the order of writing', () => {
    add('a', 'b', 'c', 'd');
    write(queue, 2);
    queue.putBack(queue.takeInFlight());
    expect(queue.inFlight).to.equal(0);
    expect(ids(write(queue))).to.deep.equal(['a', 'b', 'c', 'd']);
  });

  it('keeps the order of writing also where messages share an id', () => {
    add('a', 'b', 'a');
    write(queue);
    const again = queue.takeInFlight();
    expect(ids(again)).to.deep.equal(['a', 'b', 'a']);
    queue.putBack(again);
    expect(ids(write(queue))).to.deep.equal(['a', 'b', 'a']);
  });

  it('skips what was settled while it waited', () => {
    add('a', 'b', 'c');
    queue.remove(queue.all()[1]!);
    expect(ids(write(queue))).to.deep.equal(['a', 'c']);
  });

  it('finds the oldest in flight of two equal ids, the next one after it is settled, and none that waits', () => {
    add('a', 'a', 'a');
    const [first, second] = write(queue, 2);
    const oldest = () => queue.oldestInFlight('a', () => true);
    expect(oldest()).to.equal(first);
    expect(queue.oldestInFlight('a', (one) => one !== first)).to.equal(second);
    queue.remove(first!);
    expect(oldest()).to.equal(second);
    queue.remove(second!);
    expect(oldest()).to.equal(undefined);
  });

  it('counts bytes until a message is settled, once', () => {
    queue.add(publishing('a', 10));
    queue.add(publishing('b', 5));
    const [first] = write(queue, 1);
    expect(queue.bytes).to.equal(15);
    queue.remove(first!);
    queue.remove(first!);
    expect(queue.bytes).to.equal(5);
    expect(queue.count).to.equal(1);
  });

  it('keeps order over the thousands it takes until it lets go of what is written', () => {
    const names = Array.from({ length: 3000 }, (_, index) => String(index));
    add(...names);
    const early = write(queue, 1600);
    add('late');
    expect(queue.waiting).to.equal(1401);
    expect(ids([...early, ...write(queue)])).to.deep.equal([...names, 'late']);
  });

  it('agrees with a model of plain lists, whatever happens in whatever order', () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ do: fc.constant('add'), pick: fc.nat(3) }) },
      { weight: 3, arbitrary: fc.record({ do: fc.constant('write'), pick: fc.nat(3) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('settle'), pick: fc.nat() }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('lose'), pick: fc.nat() }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const model = new Model();
        for (const { do: action, pick } of steps) model[action](pick);
        model.compare();
      }),
      { numRuns: 500 },
    );
  });
});

/** Waiting and flying messages as lists; every action is done to the queue as well. */
class Model {
  #queue = new PublishQueue();
  #waiting: Publishing[] = [];
  #flying: Publishing[] = [];

  add(id: number): void {
    this.#queue.add(publishing(`id${id}`, id));
    this.#waiting.push(this.#queue.all().at(-1)!);
  }

  write(most: number): void {
    const written = write(this.#queue, most);
    expect(written).to.deep.equal(this.#waiting.slice(0, most));
    this.#flying.push(...this.#waiting.splice(0, most));
  }

  settle(pick: number): void {
    const all = [...this.#flying, ...this.#waiting];
    const one = all[pick % Math.max(1, all.length)];
    if (one === undefined) return;
    this.#queue.remove(one);
    this.#flying = this.#flying.filter((other) => other !== one);
    this.#waiting = this.#waiting.filter((other) => other !== one);
  }

  /** The channel dies: every `pick`-th message in flight is to blame, the others wait again. */
  lose(pick: number): void {
    const flight = this.#queue.takeInFlight();
    expect(flight).to.deep.equal(this.#flying);
    const guilty = flight.filter((_, index) => pick % (index + 2) === 0);
    for (const one of guilty) this.#queue.remove(one);
    const again = flight.filter((one) => !guilty.includes(one));
    this.#queue.putBack(again);
    this.#waiting = [...again, ...this.#waiting];
    this.#flying = [];
  }

  compare(): void {
    const all = [...this.#flying, ...this.#waiting];
    expect(this.#queue.all()).to.have.members(all);
    expect(this.#queue.count).to.equal(all.length);
    expect(this.#queue.inFlight).to.equal(this.#flying.length);
    expect(this.#queue.bytes).to.equal(all.reduce((sum, one) => sum + one.message.body.length, 0));
    expect(write(this.#queue)).to.deep.equal(this.#waiting);
  }
}
