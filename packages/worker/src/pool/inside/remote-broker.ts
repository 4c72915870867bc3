/**
 * The broker as code in a child sees it: publishing and declaring are asked of the parent, which has the
 * connections. Keeps no messages.
 */
import type {
  ChordSizes,
  Ensures,
  MessageSink,
  OutgoingMessage,
  PublishOptions,
  Topology,
  TransientMessage,
  TransientSink,
} from '@celeriac/core';

import type { BrokerCall, CallSide, ToChild } from '../protocol.js';
import { fromThrown } from '../thrown.js';
import type { ParentPort } from './port.js';

type Answer = Extract<ToChild, { op: 'answer' }>;

/** Calls that wait for their answer. */
export class Calls {
  #port: ParentPort;
  #next = 0;
  #waiting = new Map<number, (answer: Answer) => void>();

  constructor(port: ParentPort) {
    this.#port = port;
  }

  /** Resolves and rejects as the parent's own call did. */
  ask(side: CallSide, ask: BrokerCall): Promise<unknown> {
    const call = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(call, ({ value, error }) => {
        if (error === undefined) resolve(value);
        else reject(fromThrown(error));
      });
      this.#port.send({ op: 'call', call, side, ask });
    });
  }

  answered(answer: Answer): void {
    const settle = this.#waiting.get(answer.call);
    this.#waiting.delete(answer.call);
    settle?.(answer);
  }
}

export class RemoteDeclarer implements Ensures {
  #calls: Calls;
  #side: CallSide;
  /** What the parent has declared for us once. What was deleted since is found out by publishing. */
  #known = new Set<string>();

  constructor(calls: Calls, side: CallSide) {
    this.#calls = calls;
    this.#side = side;
  }

  ensure(key: string, topology: () => Topology): Promise<void> | undefined {
    if (this.#known.has(key)) return undefined;
    return this.#calls
      .ask(this.#side, { what: 'ensure', key, topology: topology() })
      .then(() => void this.#known.add(key));
  }

  forget(key: string): void {
    this.#known.delete(key);
    // Nobody waits for it: the next `ensure` comes after it.
    void this.#calls.ask(this.#side, { what: 'forget', key });
  }
}

/** Chords are counted where the parent keeps results. */
export class RemoteChords implements ChordSizes {
  #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  async expect(groupId: string, size: number): Promise<void> {
    await this.#calls.ask('tasks', { what: 'chord', groupId, size });
  }
}

export class RemoteSink implements MessageSink {
  #calls: Calls;
  #side: CallSide;

  constructor(calls: Calls, side: CallSide) {
    this.#calls = calls;
    this.#side = side;
  }

  async publish(outgoing: OutgoingMessage, { timeoutMs }: PublishOptions = {}): Promise<void> {
    const { prepare, ...message } = outgoing;
    await prepare?.();
    const timeout = timeoutMs === undefined ? {} : { timeoutMs };
    await this.#calls.ask(this.#side, { what: 'publish', message, ...timeout });
  }
}

export class RemoteTransient implements TransientSink {
  #calls: Calls;
  #side: CallSide;

  constructor(calls: Calls, side: CallSide) {
    this.#calls = calls;
    this.#side = side;
  }

  publish(message: TransientMessage): void {
    void this.#calls.ask(this.#side, { what: 'tell', message }); // it does not fail there
  }
}
