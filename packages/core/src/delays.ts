/**
 * Sends messages so that they arrive later: through the delay queues of the broker, never by waiting here. Makes
 * sure that the way is there, once per connection. Publishes nothing itself.
 */
import type { Ensures } from './amqp/declare.js';
import {
  delayedBinding,
  delayedExchange,
  delayedRoutingKey,
  delayTopologies,
} from './amqp/delayed-delivery.js';
import type { QueueType, Topology } from './amqp/topology.js';
import { wholeDelaySeconds } from './policy/delay.js';
import type { OutgoingMessage } from './ports.js';
import type { EncodedMessage } from './protocol/received.js';

export interface DelaysParts {
  readonly declarer: Ensures;
  /** Of the delay queues. */
  readonly queueType: QueueType;
  /** What has to exist for a queue that delayed messages go to. */
  readonly topologyOf: (queue: string) => Topology;
}

export interface Delayed {
  readonly queue: string;
  /** Not above 0: it goes straight to the queue. */
  readonly delayMs: number;
}

function levelKey(level: number): string {
  return `delayed delivery ${level}`;
}

function bindingKey(queue: string): string {
  return `delayed delivery to ${queue}`;
}

type Step = readonly [key: string, topology: () => Topology];

export class Delays {
  #parts: DelaysParts;
  #levels: readonly Step[];

  constructor(parts: DelaysParts) {
    this.#parts = parts;
    this.#levels = levelsOf(parts.queueType);
  }

  /** The message on its way: it arrives no earlier than the delay, and up to a second later. */
  message({ body, properties }: EncodedMessage, { queue, delayMs }: Delayed): OutgoingMessage {
    const seconds = wholeDelaySeconds(delayMs);
    if (seconds === 0) {
      const prepare = () => this.#parts.declarer.ensure(queue, () => this.#parts.topologyOf(queue));
      return { exchange: '', routingKey: queue, body, properties, prepare };
    }
    // Within a delay queue its own expiry would cut the delay short.
    const { expiration: _dropped, ...kept } = properties;
    const routingKey = delayedRoutingKey(seconds, queue);
    return {
      exchange: delayedExchange(seconds),
      routingKey,
      body,
      properties: kept,
      prepare: () => this.ensure(queue),
    };
  }

  /** Has the queue, the delay queues and the binding between them declared; undefined when that is done. */
  ensure(queue: string): Promise<void> | undefined {
    return this.#inOrder([
      [queue, () => this.#parts.topologyOf(queue)],
      ...this.#levels,
      [bindingKey(queue), () => ({ exchanges: [], queues: [], bindings: [delayedBinding(queue)] })],
    ]);
  }

  /** The queue was declared anew: its binding is gone. */
  forgetBinding(queue: string): void {
    this.#parts.declarer.forget(bindingKey(queue));
  }

  /** Something on the way was deleted: all of it is declared again at the next `ensure`. */
  forget(queue: string): void {
    for (const key of [queue, ...this.#levels.map(([level]) => level), bindingKey(queue)])
      this.#parts.declarer.forget(key);
  }

  #inOrder(steps: readonly Step[]): Promise<void> | undefined {
    for (const [index, [key, topology]] of steps.entries()) {
      const declaring = this.#parts.declarer.ensure(key, topology);
      if (declaring !== undefined) return declaring.then(() => this.#inOrder(steps.slice(index + 1)));
    }
    return undefined;
  }
}

const steps = new Map<QueueType, readonly Step[]>();

/** The same for everyone: senders are made for every handler that sends. */
function levelsOf(type: QueueType): readonly Step[] {
  const known = steps.get(type);
  if (known !== undefined) return known;
  const made = delayTopologies(type).map((topology, level): Step => [levelKey(level), () => topology]);
  steps.set(type, made);
  return made;
}
