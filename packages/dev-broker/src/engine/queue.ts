/**
 * A queue: what waits, who consumes, and what becomes of messages that expire, overflow or come back too often. Pure
 * but for its clock; sockets and frames are unknown here. What leaves it dead goes to `bury`.
 */
import { AmqpError } from './amqp-error.js';
import type { Clock, Timer } from './clock.js';
import type { Journal } from './journal.js';
import type { Entry, Message } from './message.js';
import type { QueueSettings } from './queue-arguments.js';
import { ReadyList } from './ready-list.js';

/** Why a message is dead-lettered; the words of `x-death`. */
export type DeathReason = 'rejected' | 'expired' | 'maxlen' | 'delivery_limit';

/** Someone who consumes. The channel implements it. */
export interface Consumer {
  readonly tag: string;
  readonly exclusive: boolean;
  readonly priority: number;
  /** True while it may be sent another message. */
  readonly ready: () => boolean;
  /** Hands a message over. It is the consumer's until it settles it. */
  readonly deliver: (entry: Entry) => void;
  /** The queue is gone, or someone else's now. */
  readonly cancelled: () => void;
}

export interface QueueOptions {
  readonly name: string;
  readonly vhost: string;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  /** The connection it belongs to, for exclusive queues. */
  readonly owner: object | undefined;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly settings: QueueSettings;
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
  #ready: ReadyList;
  #consumers: Consumer[] = [];
  /** Where the round goes on. */
  #turn = 0;
  #position = 0;
  #unacked = 0;
  #hadConsumers = false;
  #expiry: Timer | undefined;
  #disuse: Timer | undefined;
  #draining = false;

  constructor(options: QueueOptions) {
    this.options = options;
    this.#ready = new ReadyList(options.settings.maxPriority);
    this.used();
  }

  get name(): string {
    return this.options.name;
  }

  get messageCount(): number {
    return this.#ready.size;
  }

  get unackedCount(): number {
    return this.#unacked;
  }

  get consumerCount(): number {
    return this.#consumers.length;
  }

  /** Takes a message. False: the queue is full and refuses it. */
  publish(message: Message): boolean {
    const { settings, clock } = this.options;
    const over = this.#isFull(message);
    if (over && settings.overflow !== 'drop-head') {
      if (settings.overflow === 'reject-publish-dlx')
        this.options.bury(this.#entry(message, clock.now()), 'maxlen', this);
      return false;
    }
    const entry = this.#entry(message, clock.now());
    this.#journalOf(entry)?.added(this.name, entry);
    this.#ready.push(entry);
    this.#dropOverflow();
    this.#drain();
    this.#watchExpiry();
    return true;
  }

  /** Takes one for `basic.get`. */
  get(): Entry | undefined {
    this.used();
    this.#dropExpired();
    const entry = this.#ready.shift();
    if (entry !== undefined) this.#handOut(entry);
    return entry;
  }

  /** Puts back what a journal kept. In the order of positions. */
  restore(entry: Entry): void {
    this.#position = Math.max(this.#position, entry.position + 1);
    this.#ready.putBack(entry);
    this.#watchExpiry();
  }

  subscribe(consumer: Consumer): void {
    const exclusive = this.#consumers.some((one) => one.exclusive);
    if (exclusive || (consumer.exclusive && this.#consumers.length > 0)) {
      throw new AmqpError(403, `queue '${this.name}' in vhost '${this.options.vhost}' in exclusive use`);
    }
    this.#consumers.push(consumer);
    this.#consumers.sort((a, b) => b.priority - a.priority);
    this.#hadConsumers = true;
    this.#disuse?.cancel();
    this.#drain();
  }

  unsubscribe(consumer: Consumer): void {
    const index = this.#consumers.indexOf(consumer);
    if (index === -1) return;
    this.#consumers.splice(index, 1);
    if (this.#turn > index) this.#turn--;
    if (this.#consumers.length > 0) {
      this.#drain();
      return;
    }
    if (this.options.autoDelete && this.#hadConsumers) this.options.unwanted(this);
    else this.used();
  }

  /** A consumer has room again. */
  wake(): void {
    this.#drain();
  }

  acked(entry: Entry): void {
    this.#unacked--;
    this.#journalOf(entry)?.removed(this.name, entry);
    this.options.left();
  }

  /** A message comes back: to its place, or to its end. */
  returned(entry: Entry, options: { readonly requeue: boolean }): void {
    this.#unacked--;
    if (!options.requeue) {
      this.#bury(entry, 'rejected');
      return;
    }
    entry.redelivered = true;
    entry.deliveryCount++;
    const { type, deliveryLimit } = this.options.settings;
    if (type === 'quorum' && deliveryLimit !== undefined && entry.deliveryCount > deliveryLimit) {
      this.#bury(entry, 'delivery_limit');
      return;
    }
    this.#journalOf(entry)?.returned(this.name, entry);
    this.#ready.putBack(entry);
    this.#drain();
    this.#watchExpiry();
  }

  purge(): number {
    this.used();
    const entries = this.#ready.clear();
    for (const entry of entries) this.#journalOf(entry)?.removed(this.name, entry);
    this.options.left();
    return entries.length;
  }

  /** Starts the time of disuse anew (`x-expires`). */
  used(): void {
    const { expires } = this.options.settings;
    this.#disuse?.cancel();
    if (expires === undefined || this.#consumers.length > 0) return;
    this.#disuse = this.options.clock.after(expires, () => this.options.unwanted(this));
  }

  /** Its end: consumers are told, messages are gone. */
  destroy(): void {
    this.#expiry?.cancel();
    this.#disuse?.cancel();
    const consumers = this.#consumers;
    this.#consumers = [];
    this.#ready.clear();
    for (const consumer of consumers) consumer.cancelled();
  }

  #entry(message: Message, now: number): Entry {
    const { messageTtl } = this.options.settings;
    const own =
      message.properties.expiration === undefined ? undefined : Number(message.properties.expiration);
    const ttl = own === undefined ? messageTtl : Math.min(own, messageTtl ?? Infinity);
    return {
      message,
      position: this.#position++,
      expiresAt: ttl === undefined ? undefined : now + ttl,
      redelivered: false,
      deliveryCount: 0,
    };
  }

  #isFull({ body }: Message): boolean {
    const { maxLength, maxLengthBytes } = this.options.settings;
    const tooMany = maxLength !== undefined && this.#ready.size + 1 > maxLength;
    return tooMany || (maxLengthBytes !== undefined && this.#ready.bytes + body.length > maxLengthBytes);
  }

  #dropOverflow(): void {
    const { maxLength = Infinity, maxLengthBytes = Infinity } = this.options.settings;
    while (this.#ready.size > maxLength || this.#ready.bytes > maxLengthBytes) {
      const entry = this.#ready.shiftLowest();
      if (entry === undefined) return;
      this.#bury(entry, 'maxlen');
    }
  }

  /** Hands out what waits, in turn, to consumers with room. */
  #drain(): void {
    if (this.#draining) return; // a consumer that acks while it is handed a message comes back here
    this.#draining = true;
    try {
      for (;;) {
        this.#dropExpired();
        if (this.#ready.size === 0) return;
        const consumer = this.#nextReady();
        if (consumer === undefined) return;
        const entry = this.#ready.shift() as Entry;
        this.#handOut(entry);
        consumer.deliver(entry);
      }
    } finally {
      this.#draining = false;
    }
  }

  /** In turn among those of the highest priority with room; the first alone where only one may be active. */
  #nextReady(): Consumer | undefined {
    const all = this.#consumers;
    if (this.options.settings.singleActiveConsumer) return all[0]?.ready() === true ? all[0] : undefined;
    const count = all.length;
    let found: { readonly index: number; readonly consumer: Consumer } | undefined;
    for (let step = 0; step < count; step++) {
      const index = (this.#turn + step) % count;
      const consumer = all[index] as Consumer;
      if ((found === undefined || consumer.priority > found.consumer.priority) && consumer.ready()) {
        found = { index, consumer };
      }
    }
    if (found !== undefined) this.#turn = (found.index + 1) % count;
    return found?.consumer;
  }

  /** Messages die at the head of the queue, as in RabbitMQ: one behind a longer-lived one waits for it. */
  #dropExpired(): void {
    const now = this.options.clock.now();
    for (let first = this.#ready.first; first?.expiresAt !== undefined && first.expiresAt <= now;) {
      this.#ready.shift();
      this.#bury(first, 'expired');
      first = this.#ready.first;
    }
  }

  #watchExpiry(): void {
    this.#expiry?.cancel();
    const at = this.#ready.first?.expiresAt;
    if (at === undefined) return;
    this.#expiry = this.options.clock.after(Math.max(0, at - this.options.clock.now()), () => {
      this.#dropExpired();
      this.#watchExpiry();
    });
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
