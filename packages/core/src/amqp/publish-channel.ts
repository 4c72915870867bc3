/**
 * One confirm channel for writing: puts a message's frames on the socket, numbers them as the broker does, and says
 * which were confirmed. Frames of one event-loop turn go out in one write. Decides nothing about failures.
 *
 * It writes beside amqplib (ADR 0003): whole frames only, so that nothing can come between, and only on a channel
 * on which amqplib itself writes nothing but its opening and closing.
 */
import type { Duplex } from 'node:stream';

import type { ConfirmChannel } from 'amqplib';

import { incompatible } from './frame-reader.js';
import type { Wire } from './message-frames.js';

export interface PublishChannelListeners<T> {
  /** The broker took the message, or (`nacked`) refused it. */
  readonly confirmed: (item: T, nacked: boolean) => void;
  /** The socket takes more again. */
  readonly drained: () => void;
}

/** What this file uses of amqplib's inside. Checked when a channel is wrapped. */
interface ChannelInside {
  readonly ch: number;
  readonly connection: { readonly stream: Duplex; readonly frameMax: number; sentSinceLastCheck: boolean };
}

/** Small frames are joined into one buffer; copying large ones would cost more than it saves. */
const joinBytes = 256 * 1024;

export class PublishChannel<T> {
  readonly wire: Wire;
  #inside: ChannelInside;
  #listeners: PublishChannelListeners<T>;
  /** What was written and not confirmed, in order: the first is number `#lowest`, confirmed ones are gaps. */
  #unconfirmed: (T | undefined)[] = [];
  #lowest = 1;
  /** Index of number `#lowest`. */
  #head = 0;
  #frames: Buffer[] = [];
  #bytes = 0;
  #open = true;
  #congested = false;

  constructor(channel: ConfirmChannel, listeners: PublishChannelListeners<T>) {
    this.#inside = insideOf(channel);
    this.#listeners = listeners;
    const { stream, frameMax } = this.#inside.connection;
    this.wire = { channel: this.#inside.ch, frameMax };
    channel.on('ack', ({ deliveryTag, multiple }) => this.#settle(deliveryTag, { multiple, nacked: false }));
    channel.on('nack', ({ deliveryTag, multiple }) => this.#settle(deliveryTag, { multiple, nacked: true }));
    const drained = (): void => {
      this.#congested = false;
      listeners.drained();
    };
    stream.on('drain', drained);
    channel.once('close', () => {
      this.#open = false;
      stream.off('drain', drained);
    });
  }

  /** True while the socket takes more. */
  get flowing(): boolean {
    return this.#open && !this.#congested;
  }

  /** Takes the frames of one message. They are written at the end of this turn of the event loop. */
  write(frames: Buffer, item: T): void {
    this.#unconfirmed.push(item);
    this.#frames.push(frames);
    this.#bytes += frames.length;
    if (this.#frames.length === 1) setImmediate(() => this.#flush());
  }

  #flush(): void {
    const frames = this.#frames;
    const bytes = this.#bytes;
    this.#frames = [];
    this.#bytes = 0;
    if (!this.#open) return; // nobody has seen them: they are sent again on the next channel
    const { connection } = this.#inside;
    connection.sentSinceLastCheck = true; // else amqplib sends a heartbeat beside them
    const whole = bytes <= joinBytes ? [Buffer.concat(frames, bytes)] : frames;
    connection.stream.cork();
    for (const part of whole) connection.stream.write(part);
    connection.stream.uncork();
    this.#congested = connection.stream.writableNeedDrain;
  }

  #settle(tag: number, { multiple, nacked }: { multiple: boolean; nacked: boolean }): void {
    if (!multiple) {
      this.#confirm(tag, nacked);
      return;
    }
    const last = Math.min(tag, this.#lowest + this.#unconfirmed.length - this.#head - 1);
    for (let earlier = this.#lowest; earlier <= last; earlier++) this.#confirm(earlier, nacked);
  }

  #confirm(tag: number, nacked: boolean): void {
    const index = this.#head + tag - this.#lowest;
    const item = this.#unconfirmed[index];
    if (item === undefined) return;
    this.#unconfirmed[index] = undefined;
    this.#advance();
    this.#listeners.confirmed(item, nacked);
  }

  #advance(): void {
    const items = this.#unconfirmed;
    while (this.#head < items.length && items[this.#head] === undefined) {
      this.#head++;
      this.#lowest++;
    }
    if (this.#head < 1024 || this.#head * 2 < items.length) return;
    this.#unconfirmed = items.slice(this.#head);
    this.#head = 0;
  }
}

function insideOf(channel: ConfirmChannel): ChannelInside {
  const inside = channel as unknown as Partial<ChannelInside>;
  const { connection } = inside;
  const fits =
    typeof inside.ch === 'number' &&
    typeof connection?.frameMax === 'number' &&
    typeof connection.sentSinceLastCheck === 'boolean' &&
    typeof connection.stream.write === 'function';
  if (!fits) throw incompatible();
  return inside as ChannelInside;
}
