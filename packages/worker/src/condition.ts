/**
 * What state a worker is in: whether it consumes all its queues, and if not why. Watches connections and subscriptions;
 * changes nothing.
 */
import type { CeleriacError } from '@celeriac/core';

import type { Capsule } from './capsule.js';
import type { Side, SideConsumer, SideSession } from './side.js';

export type WorkerPhase = 'starting' | 'running' | 'quiet' | 'stopping';

/** Whether a worker does what it is there for. Holds names and reasons, no secrets. */
export interface WorkerHealth {
  /** True while it consumes every queue that is not paused. */
  readonly ready: boolean;
  /** Why it is not ready, a sentence each; empty when it is. */
  readonly reasons: readonly string[];
  readonly phase: WorkerPhase;
  readonly queues: readonly QueueHealth[];
  readonly connections: readonly ConnectionHealth[];
  /** Deliveries that are not settled. */
  readonly inHand: number;
}

export interface QueueHealth {
  readonly queue: string;
  readonly consuming: boolean;
  /** True of the queue of an application that is paused: nobody consumes it, which is no reason not to be ready. */
  readonly paused?: true;
}

export interface ConnectionHealth {
  /** The broker of tasks, that of events, or one that is both. */
  readonly broker: string;
  readonly purpose: 'consuming' | 'publishing';
  readonly connected: boolean;
  /** Why the broker takes no messages for now; absent while it does. Consuming goes on. */
  readonly blocked?: string;
}

interface Watched {
  readonly broker: string;
  readonly purpose: ConnectionHealth['purpose'];
  connected: boolean;
  blocked: string | undefined;
  /** Why it is not connected. */
  error: CeleriacError | undefined;
}

export class Condition {
  phase: WorkerPhase = 'starting';
  #connections: readonly Watched[];
  /** Why a queue is not consumed. */
  #interrupted = new Map<SideConsumer, CeleriacError>();

  constructor(sides: readonly Side[]) {
    const names = sides.length === 1 ? ['tasks and events'] : ['tasks', 'events'];
    this.#connections = sides.flatMap(({ session, publishing }, index) => {
      const broker = names[index] ?? '';
      return [
        watched(session, { broker, purpose: 'consuming' }),
        watched(publishing.session, { broker, purpose: 'publishing' }),
      ];
    });
  }

  report(capsules: readonly Capsule[]): WorkerHealth {
    const reasons = this.#reasons(capsules.flatMap(({ isPaused, consumers }) => (isPaused ? [] : consumers)));
    return {
      ready: reasons.length === 0,
      reasons,
      phase: this.phase,
      queues: capsules.flatMap(({ isPaused, consumers }) =>
        consumers.map(({ queue, subscribed: consuming }) => {
          return { queue, consuming, ...(isPaused ? { paused: true as const } : {}) };
        }),
      ),
      connections: this.#connections.map(({ broker, purpose, connected, blocked }) => {
        return { broker, purpose, connected, ...(blocked === undefined ? {} : { blocked }) };
      }),
      inHand: capsules.reduce((sum, capsule) => sum + capsule.inHand, 0),
    };
  }

  /** The first connections are there, whether or not they have said so. */
  connected(): void {
    for (const one of this.#connections) if (one.error === undefined) one.connected = true;
  }

  /** Notes from now on why its subscription is interrupted. */
  watch(consumers: readonly SideConsumer[]): void {
    for (const consumer of consumers) {
      consumer.events.on('subscribed', () => void this.#interrupted.delete(consumer));
      consumer.events.on('unsubscribed', (error) => void this.#interrupted.set(consumer, error));
    }
  }

  #reasons(consumers: readonly SideConsumer[]): readonly string[] {
    if (this.phase === 'quiet') return ['It was told to be quiet: it takes no further deliveries.'];
    if (this.phase === 'stopping') return ['It is stopping.'];
    const starting = this.phase === 'starting' ? ['It is starting.'] : [];
    const lost = this.#connections.filter(({ connected }) => !connected);
    const silent = consumers.filter(({ subscribed }) => !subscribed);
    return [
      ...starting,
      ...lost.map(({ broker, purpose, error }) => {
        const why = error === undefined ? 'not connected yet' : error.message;
        return `No connection for ${purpose} to the broker of ${broker}: ${why}`;
      }),
      ...silent.map((consumer) => {
        const why = this.#interrupted.get(consumer)?.message ?? 'not subscribed yet';
        return `The queue '${consumer.queue}' is not consumed: ${why}`;
      }),
    ];
  }
}

function watched(
  { events }: SideSession,
  what: { readonly broker: string; readonly purpose: ConnectionHealth['purpose'] },
): Watched {
  const state: Watched = { ...what, connected: false, blocked: undefined, error: undefined };
  events.on('restored', () => {
    state.connected = true;
    state.error = undefined;
  });
  events.on('lost', (error) => {
    state.connected = false;
    state.blocked = undefined;
    state.error = error;
  });
  events.on('connect-failed', (error) => {
    state.error = error;
  });
  events.on('blocked', (reason) => {
    state.blocked = reason;
  });
  events.on('unblocked', () => {
    state.blocked = undefined;
  });
  return state;
}
