/**
 * A queue: what waits, who consumes, and what becomes of messages that expire, overflow or come back too often. Pure
 * but for its clock; sockets and frames are unknown here. What leaves it dead goes to `bury`.
 */
import { AmqpError } from './amqp-error.js';
import type { Clock, Timer } from './clock.js';
import { type Consumer, Consumers } from './consumers.js';
import { Expiry } from './expiry.js';
import type { Journal, KeptMessages } from './journal.js';
import type { Entry, Message } from './message.js';
import type { Profile } from './profile.js';
import type { QueueSettings } from './queue-arguments.js';
import { type Place, ReadyList, readyListOptions } from './ready-list.js';
import { countReturn, type Return } from './redelivery.js';

export type { Consumer, Return };

/** Why a message is dead-lettered; the words of `x-death`. */
export type DeathReason = 'rejected' | 'expired' | 'maxlen' | 'delivery_limit';

export interface QueueOptions {
  readonly name: string;
  readonly vhost: string;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  /** The connection it belongs to, for exclusive queues. */
  readonly owner: object | undefined;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly settings: QueueSettings;
  readonly profile: Profile;
  readonly clock: Clock;
  /** Absent where nothing is kept. */
  readonly journal: Journal | undefined;
  readonly bury: (entry: Entry, reason: DeathReason, queue: Queue) => void;
  /** Messages have left it for good. */
  readonly left: () => void;
  /** It has expired, or its last consumer has left an auto-delete queue. */
  readonly unwanted: (queue: Queue) => void;
}

export class Queue {
  readonly options: QueueOptions;
  readonly consumers: Consumers;
  #ready: ReadyList;
  #expiry: Expiry;
  #position = 0;
  #unacked = 0;
  #disuse: Timer | undefined;
  #draining = false;
  #isGone = false;

  constructor(options: QueueOptions) {
    this.options = options;
    const { settings, clock } = options;
    this.consumers = new Consumers({ singleActive: settings.singleActiveConsumer });
    this.#ready = new ReadyList(readyListOptions(options));
    this.#expiry = new Expiry({
      clock,
      ready: this.#ready,
      messageTtl: settings.messageTtl,
      bury: (entry) => this.#bury(entry, 'expired'),
    });
    this.used();
  }

  get name(): string {
    return this.options.name;
  }

  get messageCount(): number {
    return this.#ready.size;
  }

  /** Bytes of the bodies that wait. */
  get messageBytes(): number {
    return this.#ready.bytes;
  }

  get unackedCount(): number {
    return this.#unacked;
  }

  get consumerCount(): number {
    return this.consumers.size;
  }

  /** What waits, next first. */
  get waiting(): Iterable<Entry> {
    return this.#ready;
  }

  /** Takes a message. False: the queue is full and refuses it. */
  publish(message: Message): boolean {
    const { settings } = this.options;
    if (this.#isGone) return true; // deleted since it was routed
    if (settings.overflow !== 'drop-head' && this.#isFull(message)) {
      if (settings.overflow === 'reject-publish-dlx') this.options.bury(this.#entry(message), 'maxlen', this);
      return false;
    }
    const entry = this.#entry(message);
    this.#journalOf(entry)?.added(this.name, entry);
    if (this.#handOver(entry)) return true;
    this.#ready.push(entry);
    this.#changed();
    return true;
  }

  /** Takes one for `basic.get`. */
  get(): Entry | undefined {
    this.used();
    this.#expiry.drop();
    const entry = this.#ready.shift();
    if (entry !== undefined) this.#handOut(entry);
    // It may have been all that kept others in the queue, which a classic one does not count as left then.
    if (this.options.settings.type === 'classic') this.#expiry.drop();
    this.#expiry.watch();
    return entry;
  }

  /** Puts back what a journal kept. Nothing moves before `returned` is told of what was given. */
  restore({ waiting, first, given }: KeptMessages): void {
    for (const entry of waiting) this.#ready.push(entry);
    for (const entry of first) this.#ready.putBack(entry, 'first');
    this.#unacked += given.length;
    const positions = [waiting, first, given].flatMap((all) => all.map(({ position }) => position));
    this.#position = positions.reduce((next, position) => Math.max(next, position + 1), this.#position);
    this.#expiry.restored();
  }

  /** Throws 403 where exclusive use forbids it. */
  subscribe(consumer: Consumer): void {
    if (!this.consumers.add(consumer)) {
      throw new AmqpError(403, `queue '${this.name}' in vhost '${this.options.vhost}' in exclusive use`);
    }
    this.#disuse?.cancel();
    this.#drain();
  }

  unsubscribe(consumer: Consumer): void {
    if (!this.consumers.remove(consumer)) return;
    if (this.consumers.size > 0) this.#drain();
    else if (this.options.autoDelete) this.options.unwanted(this);
    else this.used();
  }

  /** Consumers have room again: those that were readmitted. */
  wake(): void {
    this.#drain();
  }

  acked(entry: Entry): void {
    this.#unacked--;
    if (this.#isGone) return;
    this.#journalOf(entry)?.removed(this.name, entry);
    this.options.left();
  }

  /** Messages come back together, oldest delivery first: to the queue, or to their end. */
  returned(entries: readonly Entry[], how: Return): void {
    this.#unacked -= entries.length;
    if (this.#isGone) return;
    for (const entry of entries) {
      if (!how.requeue) this.#bury(entry, 'rejected');
      else if (countReturn(entry, how, this.options)) this.#requeue(entry, how);
      else this.#bury(entry, 'delivery_limit');
    }
    if (how.requeue) this.#changed();
  }

  purge(): number {
    const entries = this.#ready.clear();
    for (const entry of entries) this.#journalOf(entry)?.removed(this.name, entry);
    this.options.left();
    return entries.length;
  }

  /** Starts the time of disuse anew (`x-expires`). */
  used(): void {
    const { expires } = this.options.settings;
    this.#disuse?.cancel();
    if (expires === undefined || this.consumers.size > 0) return;
    this.#disuse = this.options.clock.after(expires, () => this.options.unwanted(this));
  }

  /** Its end: consumers are told, messages are gone. */
  destroy(): void {
    this.#isGone = true;
    this.#expiry.stop();
    this.#disuse?.cancel();
    this.#ready.clear();
    for (const consumer of this.consumers.clear()) consumer.cancelled();
  }

  #entry(message: Message): Entry {
    return {
      message,
      position: this.#position++,
      expiresAt: this.#expiry.expiresAt(message),
      redelivered: false,
      deliveryCount: 0,
    };
  }

  #requeue(entry: Entry, { by }: Return): void {
    const place = this.#placeFor(by);
    this.#journalOf(entry)?.returned(this.name, entry, place);
    this.#ready.putBack(entry, place);
  }

  #placeFor(by: Return['by']): Place {
    const { type, deliveryLimit } = this.options.settings;
    if (type === 'classic') return 'its own';
    // rabbit_fifo: without a limit, what a client gives back is enqueued anew, so that the log can be cut.
    return deliveryLimit === undefined && by !== 'loss' ? 'last' : 'first';
  }

  /** Something new waits. */
  #changed(): void {
    this.#dropOverflow();
    this.#drain();
    this.#expiry.drop();
  }

  #isFull({ body }: Message): boolean {
    const { maxLength, maxLengthBytes } = this.options.settings;
    const tooMany = maxLength !== undefined && this.#ready.size + 1 > maxLength;
    return tooMany || (maxLengthBytes !== undefined && this.#ready.bytes + body.length > maxLengthBytes);
  }

  /** From the head, where the highest priority is: so RabbitMQ does it, and says so. */
  #dropOverflow(): void {
    const { maxLength = Infinity, maxLengthBytes = Infinity, overflow } = this.options.settings;
    if (overflow !== 'drop-head') return;
    while (this.#ready.size > maxLength || this.#ready.bytes > maxLengthBytes) {
      const entry = this.#ready.shift();
      if (entry === undefined) return;
      this.#bury(entry, 'maxlen');
    }
  }

  /** To a consumer that waits, past the queue: a message that lives for no time at all arrives so. */
  #handOver(entry: Entry): boolean {
    if (this.#draining || this.#ready.size > 0) return false;
    const consumer = this.consumers.next();
    if (consumer === undefined) return false;
    this.#handOut(entry);
    consumer.deliver(entry);
    return true;
  }

  /** Hands out what waits, in turn, to consumers with room. */
  #drain(): void {
    if (this.#draining) return; // a consumer that acks while it is handed a message comes back here
    this.#draining = true;
    try {
      for (;;) {
        this.#expiry.drop();
        if (this.#ready.size === 0) return;
        const consumer = this.consumers.next();
        if (consumer === undefined) return;
        const entry = this.#ready.shift() as Entry;
        this.#handOut(entry);
        consumer.deliver(entry);
      }
    } finally {
      this.#draining = false;
      this.#expiry.watch();
    }
  }

  #handOut(entry: Entry): void {
    this.#unacked++;
    this.#journalOf(entry)?.delivered(this.name, entry);
  }

  /** First into the dead-letter queue, then out of this one: a process that dies in between doubles, never loses. */
  #bury(entry: Entry, reason: DeathReason): void {
    this.options.bury(entry, reason, this);
    this.#journalOf(entry)?.removed(this.name, entry);
    this.options.left();
  }

  #journalOf({ message }: Entry): Journal | undefined {
    const { journal, settings } = this.options;
    return message.properties.persistent || settings.type === 'quorum' ? journal : undefined;
  }
}
