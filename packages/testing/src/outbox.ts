/**
 * What was sent and published, in order, as a receiver would read it. Keeps; decides nothing and delivers nothing.
 */
import {
  type Config,
  decodeEvent,
  decodeTask,
  delayedTarget,
  type EventMessage,
  inputHeader,
  eventTemplates,
  parseEventType,
  type TaskMessage,
} from '@celeriac/core';

import type { WireMessage } from './wire.js';

/** The run that sent something. */
export interface SentBy {
  /** Id of the message whose handler sent it. */
  readonly id: string;
  /** The task's name or the event's type. */
  readonly name: string;
}

/** A task that was sent. */
export interface SentTask<Input = unknown> {
  readonly id: string;
  /** The task's name. */
  readonly task: string;
  readonly queue: string;
  /** What was passed to `send`, as it travels: a Date is its text. */
  readonly input: Input;
  /** The whole message: limits, expiry, custom headers, parent. */
  readonly message: TaskMessage;
  /** Absent when no handler sent it. */
  readonly by?: SentBy;
}

/** An event that was published. */
export interface PublishedEvent<Values = unknown> extends EventMessage<Values> {
  /** Absent when no handler published it. */
  readonly by?: SentBy;
}

/** Something recorded, with the bytes it came as. */
export interface Recorded {
  readonly wire: WireMessage;
  readonly content:
    | { readonly kind: 'task'; readonly task: SentTask }
    | { readonly kind: 'event'; readonly event: PublishedEvent }
    /** Neither a task nor an event that can be read. */
    | { readonly kind: 'other' };
}

export class Outbox {
  readonly sent: SentTask[] = [];
  readonly published: PublishedEvent[] = [];
  #config: Config;

  constructor(config: Config) {
    this.#config = config;
  }

  add(wire: WireMessage, by: SentBy | undefined): Recorded {
    const recorded = this.read(wire, by);
    const { content } = recorded;
    if (content.kind === 'event') this.published.push(content.event);
    if (content.kind === 'task') this.sent.push(content.task);
    return recorded;
  }

  /** What it is; remembers nothing. */
  read(wire: WireMessage, by?: SentBy): Recorded {
    const sender = by === undefined ? {} : { by };
    const decoded = decodeTask(wire, { timeZone: this.#config.tasks.time_zone });
    if (wire.exchange !== this.#config.events.exchange && decoded.ok) {
      const task = { ...sentTask(decoded.message, delayedTarget(wire) ?? wire.routingKey), ...sender };
      return { wire, content: { kind: 'task', task } };
    }
    const event = this.#event(wire);
    if (event === undefined) return { wire, content: { kind: 'other' } };
    return { wire, content: { kind: 'event', event: { ...event, ...sender } } };
  }

  clear(): void {
    this.sent.length = 0;
    this.published.length = 0;
  }

  #event(wire: WireMessage): EventMessage | undefined {
    const decoded = decodeEvent(wire);
    if (!decoded.ok) return undefined;
    const { message } = decoded;
    return { ...parseEventType(eventTemplates(this.#config.events), message.type), ...message };
  }
}

function sentTask(message: TaskMessage, queue: string): SentTask {
  return { id: message.id, task: message.task, queue, input: inputOf(message), message };
}

/** The way back from a call to what `send` was given. */
function inputOf({ args, kwargs, headers }: TaskMessage): unknown {
  if (headers[inputHeader] === 'value') return args[0];
  const isNamed = Object.keys(kwargs).length > 0;
  if (args.length === 0) return isNamed ? kwargs : undefined;
  return isNamed ? [...args, kwargs] : args;
}
