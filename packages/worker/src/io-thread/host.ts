/**
 * The I/O thread's end: holds the connections, and does for the main thread what it asks. Settles deliveries as it is
 * told, on the channel they came on. Decides nothing about them, and runs no code of the application.
 */
import type { MessagePort } from 'node:worker_threads';

import type { Clock, Delivery, Ensures, OutgoingMessage, SessionEvents, Topology } from '@celeriac/core';

import type { Side, SideSession } from '../side.js';
import { HostConsumer } from './host-consumer.js';
import type { Outbox } from './outbox.js';
import type { Request, Settlement, ToThread, Which, WireMessage } from './protocol.js';
import { SettlementReader } from './settlements.js';
import { toWire, type WireError } from './wire-error.js';

/** How long an acknowledgement waits at most while the main thread is blocked. */
const pollMs = 50;

export interface HostParts {
  readonly port: MessagePort;
  readonly side: Side;
  readonly outbox: Outbox;
  readonly settlements: SharedArrayBuffer;
  readonly clock: Clock;
}

interface Held {
  readonly delivery: Delivery;
  readonly consumer: HostConsumer;
}

export class Host {
  #parts: HostParts;
  #settlements: SettlementReader;
  #consumers = new Map<number, HostConsumer>();
  #topologies = new Map<string, Topology>();
  /** Handed over and not settled. */
  #held = new Map<number, Held>();
  #nextDelivery = 1;
  #polling = false;

  constructor(parts: HostParts) {
    this.#parts = parts;
    this.#settlements = new SettlementReader(parts.settlements);
    const { side, port } = parts;
    this.#forward(side.session, 'consuming');
    this.#forward(side.publishing.session, 'publishing');
    port.on('message', (message: ToThread) => this.#receive(message));
  }

  /** A number for a delivery that is handed over. */
  hold(delivery: Delivery, consumer: HostConsumer): number {
    const number = this.#nextDelivery;
    this.#nextDelivery = (number + 1) | 0;
    this.#held.set(number, { delivery, consumer });
    this.#poll();
    return number;
  }

  /** Its channel is gone, and all that came on it. */
  dropAllOf(consumer: HostConsumer): void {
    for (const [number, held] of this.#held) if (held.consumer === consumer) this.#held.delete(number);
  }

  #receive(message: ToThread): void {
    this.#settle(); // what was written before it comes before it
    if ('id' in message) {
      const { id } = message;
      this.#answer(message).then(
        (result) => {
          const hasResult = message.kind === 'list-cancelled' || message.kind === 'list-applications';
          if (hasResult) this.#parts.outbox.add({ kind: 'answered', id, result });
          else this.#parts.outbox.done(id);
        },
        (error: unknown) => this.#parts.outbox.add({ kind: 'failed', id, error: toWire(error) }),
      );
      return;
    }
    switch (message.kind) {
      case 'open-consumer': {
        const { side, outbox } = this.#parts;
        this.#consumers.set(message.consumer, new HostConsumer(message, { side, outbox, host: this }));
        return;
      }
      case 'start':
        this.#consumer(message.consumer).start();
        return;
      case 'topology':
        this.#topologies.set(message.key, message.topology);
        return;
      case 'forget':
        this.#declarer.forget(message.key);
        return;
      case 'transient': {
        const { body, ...rest } = message.message;
        const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
        this.#parts.side.publishing.transient.publish({ ...rest, body: bytes });
        return;
      }
      case 'settle':
        this.#settleOne(message.delivery, message.how);
        return;
      case 'settled':
        return;
    }
  }

  async #answer(request: Request): Promise<unknown> {
    const { side } = this.#parts;
    switch (request.kind) {
      case 'ready':
        return this.#session(request.which).ready();
      case 'publish':
        return this.#publish(request.message);
      case 'ensure':
        return this.#declarer.ensure(request.key, () => request.topology);
      case 'declare':
        return side.declarer.declare(request.topology);
      case 'register':
        return side.applications.register(request.name, request.patterns);
      case 'list-cancelled':
        return side.cancelled.list();
      case 'list-applications':
        return side.applications.list();
      case 'quiet':
        return this.#consumer(request.consumer).quiet();
      case 'resume':
        return this.#consumer(request.consumer).resume();
      case 'prefetch':
        return this.#consumer(request.consumer).setPrefetch(request.prefetch);
      case 'cancel':
        return this.#consumer(request.consumer).cancel();
      case 'close-consumer':
        return this.#consumer(request.consumer).close();
      case 'close-session':
        return this.#session(request.which).close();
      case 'close-transient':
        return side.publishing.transient.close();
      case 'close-sink':
        return side.publishing.sink.close();
    }
  }

  #publish({ body, messageId, properties, ensure, timeoutMs, anySize, ...rest }: WireMessage): Promise<void> {
    const message: OutgoingMessage = {
      ...rest,
      body: Buffer.from(body.buffer, body.byteOffset, body.byteLength),
      properties: { messageId },
      encodedProperties: properties,
      ...(ensure.length === 0 ? {} : { prepare: () => this.#ensureAll(ensure) }),
    };
    return this.#parts.side.publishing.sink.publish(message, {
      anySize,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
  }

  /** In order; undefined when there is nothing to wait for. */
  #ensureAll(keys: readonly string[]): Promise<void> | undefined {
    for (const [index, key] of keys.entries()) {
      const declaring = this.#declarer.ensure(key, () => this.#topologies.get(key) as Topology);
      if (declaring !== undefined) return declaring.then(() => this.#ensureAll(keys.slice(index + 1)));
    }
    return undefined;
  }

  #settle(): void {
    this.#settlements.read((number, how) => this.#settleOne(number, how));
  }

  #settleOne(number: number, how: Settlement): void {
    const held = this.#held.get(number);
    if (held === undefined) {
      this.#parts.outbox.add({ kind: 'stale' });
      return;
    }
    this.#held.delete(number);
    if (how === 1) held.delivery.ack();
    else held.delivery.requeue(how === 3);
  }

  /** The main thread says at the end of each turn that it has settled something; a blocked one has no end. */
  #poll(): void {
    if (this.#polling) return;
    this.#polling = true;
    this.#parts.clock.after(
      pollMs,
      () => {
        this.#polling = false;
        this.#settle();
        if (this.#held.size > 0) this.#poll();
      },
      { ref: false },
    );
  }

  #forward({ events }: SideSession, which: Which): void {
    const { outbox } = this.#parts;
    const tell = (event: keyof SessionEvents, about?: number | string | WireError): void =>
      outbox.add({ kind: 'session', which, event, about });
    events.on('restored', (generation) => tell('restored', generation));
    events.on('lost', (error) => tell('lost', toWire(error)));
    events.on('blocked', (reason) => tell('blocked', reason));
    events.on('unblocked', () => tell('unblocked'));
    events.on('connect-failed', (error) => tell('connect-failed', toWire(error)));
  }

  get #declarer(): Ensures {
    return this.#parts.side.publishing.declarer;
  }

  #session(which: Which): SideSession {
    const { side } = this.#parts;
    return which === 'consuming' ? side.session : side.publishing.session;
  }

  #consumer(number: number): HostConsumer {
    return this.#consumers.get(number) as HostConsumer; // messages arrive in order: it was opened before
  }
}
