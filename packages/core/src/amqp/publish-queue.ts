/**
 * The messages a publisher has taken and not settled: those waiting to be written, in order, and those in flight.
 * Bookkeeping only.
 */
import type { CeleriacError } from '../errors.js';
import type { OutgoingMessage } from '../ports.js';

/** What is taken on, with everything that settles it. */
export interface NewPublishing {
  readonly message: OutgoingMessage;
  /** Its properties, written once for all resends. */
  readonly properties: string;
  readonly timeoutMs: number;
  /** Monotonic milliseconds. */
  readonly deadlineAt: number;
  readonly resolve: () => void;
  readonly reject: (error: CeleriacError) => void;
}

/** A message on its way. */
export class Publishing implements NewPublishing {
  readonly message: OutgoingMessage;
  readonly properties: string;
  readonly timeoutMs: number;
  readonly deadlineAt: number;
  readonly resolve: () => void;
  readonly reject: (error: CeleriacError) => void;
  /** Written to a connection at least once: its outcome may be unknown. */
  everSent = false;
  /** The broker gave it back: no queue took it. */
  returned = false;
  /** Where it is; kept by the queue. */
  state: 'waiting' | 'in-flight' | 'settled' = 'waiting';
  /** Its neighbours among the unsettled; kept by the queue. */
  before: Publishing | undefined;
  after: Publishing | undefined;

  constructor({ message, properties, timeoutMs, deadlineAt, resolve, reject }: NewPublishing) {
    this.message = message;
    this.properties = properties;
    this.timeoutMs = timeoutMs;
    this.deadlineAt = deadlineAt;
    this.resolve = resolve;
    this.reject = reject;
  }
}

/**
 * The unsettled are a linked list in the order they were taken: sets and maps that grow and shrink with every message
 * made a quarter of what a publish costs.
 */
export class PublishQueue {
  bytes = 0;
  count = 0;
  inFlight = 0;
  #first: Publishing | undefined;
  #last: Publishing | undefined;
  #waiting: Publishing[] = [];
  /** Index of the first waiting message: shifting a long array costs more than it holds. */
  #head = 0;

  get waiting(): number {
    return this.#waiting.length - this.#head;
  }

  has(one: Publishing): boolean {
    return one.state !== 'settled';
  }

  /** Everything unsettled, in the order it was taken. */
  all(): readonly Publishing[] {
    const all: Publishing[] = [];
    for (let one = this.#first; one !== undefined; one = one.after) all.push(one);
    return all;
  }

  add(publishing: NewPublishing): void {
    const one = new Publishing(publishing);
    one.before = this.#last;
    if (this.#last === undefined) this.#first = one;
    else this.#last.after = one;
    this.#last = one;
    this.#waiting.push(one);
    this.count++;
    this.bytes += one.message.body.length;
  }

  /** The next one to write; undefined when none waits. */
  next(): Publishing | undefined {
    while (this.#head < this.#waiting.length) {
      const one = this.#waiting[this.#head] as Publishing;
      if (one.state !== 'settled') return one;
      this.#head++; // its deadline passed while it waited
    }
    this.#waiting = [];
    this.#head = 0;
    return undefined;
  }

  /** The one `next` returned is being written: it counts as in flight from now on. */
  launch(one: Publishing): void {
    this.#head++;
    if (this.#head > 1024 && this.#head * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#head);
      this.#head = 0;
    }
    one.state = 'in-flight';
    this.inFlight++;
  }

  remove(one: Publishing): void {
    if (one.state === 'settled') return;
    if (one.state === 'in-flight') this.inFlight--;
    one.state = 'settled';
    this.count--;
    this.bytes -= one.message.body.length;
    const { before, after } = one;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    one.before = one.after = undefined;
  }

  /** The first message in flight with this id that fits. Two may share an id: the broker answers in order. */
  oldestInFlight(id: string, fits: (one: Publishing) => boolean): Publishing | undefined {
    for (let one = this.#first; one !== undefined; one = one.after) {
      if (one.state === 'in-flight' && one.message.properties.messageId === id && fits(one)) return one;
    }
    return undefined;
  }

  /** Empties the flight, in the order of writing. */
  takeInFlight(): Publishing[] {
    const flight = this.all().filter(({ state }) => state === 'in-flight');
    for (const one of flight) one.state = 'waiting';
    this.inFlight = 0;
    return flight;
  }

  /** Puts messages back in front of those that wait. */
  putBack(again: readonly Publishing[]): void {
    this.#waiting = [...again, ...this.#waiting.slice(this.#head)];
    this.#head = 0;
  }
}
