/**
 * The messages a publisher has taken and not settled: those waiting to be written, in order, and those in flight.
 * Bookkeeping only.
 */
import type { CeleriacError } from '../errors.js';
import type { OutgoingMessage } from '../ports.js';

/** A message on its way, with everything that settles it. */
export interface Publishing {
  readonly message: OutgoingMessage;
  /** Its properties, written once for all resends. */
  readonly properties: string;
  readonly timeoutMs: number;
  /** Monotonic milliseconds. */
  readonly deadlineAt: number;
  readonly resolve: () => void;
  readonly reject: (error: CeleriacError) => void;
  /** Written to a connection at least once: its outcome may be unknown. */
  everSent: boolean;
  /** The broker gave it back: no queue took it. */
  returned: boolean;
}

export type NewPublishing = Omit<Publishing, 'everSent' | 'returned'>;

export class PublishQueue {
  bytes = 0;
  #waiting: Publishing[] = [];
  /** Index of the first waiting message: shifting a long array costs more than it holds. */
  #head = 0;
  /** Everything not settled, in the order it was taken. */
  #unsettled = new Set<Publishing>();
  #inFlight = new Map<string, Publishing[]>();
  #inFlightCount = 0;

  get count(): number {
    return this.#unsettled.size;
  }

  get inFlight(): number {
    return this.#inFlightCount;
  }

  get waiting(): number {
    return this.#waiting.length - this.#head;
  }

  has(one: Publishing): boolean {
    return this.#unsettled.has(one);
  }

  all(): readonly Publishing[] {
    return [...this.#unsettled];
  }

  add(publishing: NewPublishing): void {
    const one: Publishing = { ...publishing, everSent: false, returned: false };
    this.#unsettled.add(one);
    this.#waiting.push(one);
    this.bytes += one.message.body.length;
  }

  /** The next one to write; undefined when none waits. */
  next(): Publishing | undefined {
    while (this.#head < this.#waiting.length) {
      const one = this.#waiting[this.#head] as Publishing;
      if (this.#unsettled.has(one)) return one;
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
    this.#enterFlight(one);
  }

  remove(one: Publishing): void {
    if (!this.#unsettled.delete(one)) return;
    this.bytes -= one.message.body.length;
    this.#leaveFlight(one);
  }

  /** The first message in flight with this id that fits. Two may share an id: the broker answers in order. */
  oldestInFlight(id: string, fits: (one: Publishing) => boolean): Publishing | undefined {
    return this.#inFlight.get(id)?.find(fits);
  }

  /** Empties the flight, in the order of writing. */
  takeInFlight(): Publishing[] {
    const flying = new Set([...this.#inFlight.values()].flat()); // grouped by id
    this.#inFlight.clear();
    this.#inFlightCount = 0;
    return this.all().filter((one) => flying.has(one));
  }

  /** Puts messages back in front of those that wait. */
  putBack(again: readonly Publishing[]): void {
    this.#waiting = [...again, ...this.#waiting.slice(this.#head)];
    this.#head = 0;
  }

  #enterFlight(one: Publishing): void {
    const id = one.message.properties.messageId;
    const same = this.#inFlight.get(id);
    if (same === undefined) this.#inFlight.set(id, [one]);
    else same.push(one);
    this.#inFlightCount++;
  }

  #leaveFlight(one: Publishing): void {
    const id = one.message.properties.messageId;
    const same = this.#inFlight.get(id);
    const index = same?.indexOf(one) ?? -1;
    if (same === undefined || index === -1) return;
    this.#inFlightCount--;
    if (same.length === 1) this.#inFlight.delete(id);
    else same.splice(index, 1);
  }
}
